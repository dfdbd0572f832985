// The name files of a container with a network of its own: /etc/resolv.conf, /etc/hosts, /etc/hostname; resolv.conf(5),
// hosts(5).
#pragma once

#include <string>
#include <vector>

#include "parts/part.hpp"

namespace coracle::parts {

// The lines of a text, without their ends.
std::vector<std::string> lines_of(const std::string& text);

// Writes the three into the run directory, and asks for them to be bound into the root, as docker does. `address` is
// the container's own; "" as `hostname` is its id.
void write_name_files(Context& context, const std::string& address, const std::string& hostname);

}  // namespace coracle::parts
