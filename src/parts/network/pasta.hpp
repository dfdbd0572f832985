// Part: pasta. A network for the container of an ordinary user, who may not lay cables on the host: the program
// pasta(1) of the package passt stands between a tap device in the container and plain sockets of this user outside.
#pragma once

#include <string>
#include <vector>

#include "parts/network.hpp"
#include "parts/part.hpp"

namespace coracle::parts {

struct PastaOptions {
  std::vector<PublishedPort> ports;
  NameOptions names;
};

std::unique_ptr<Part> make_pasta(PastaOptions options);

// The words that begin pasta for the network namespace at the path `netns`.
std::vector<std::string> pasta_command(const std::vector<PublishedPort>& ports, const std::string& netns);

}  // namespace coracle::parts
