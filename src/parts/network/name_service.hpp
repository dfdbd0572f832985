// The name service of a network: dnsmasq(8) on the bridge's own address answers what containers call each other, and
// passes the rest on to the host's name servers. It begins with the first container of the network and ends with the
// last one; whoever finds that it has died begins it again. Docker answers on 127.0.0.11 inside of each container, with
// a daemon that reaches into all of them; an address of the bridge needs nobody in there.
#pragma once

#include <string>
#include <vector>

#include "kernel/rtnetlink.hpp"

namespace coracle::parts {

struct NameService {
  std::string directory;  // RUN_ROOT/networks/BRIDGE
  kernel::Ipv4 address = 0;
  bool internal = false;  // it knows the containers and nobody else
};

// Whether the network of this directory was ever given one.
bool has_name_service(const std::string& directory);

bool serves_names(const NameService& service);

// Begins it, and gives back when it answers. Throws Error. The caller sees to it that nobody else does so.
void begin_name_service(const NameService& service);
void end_name_service(const std::string& directory);

// The names of the container `id`, until it is forgotten: a file for each container. Throws Error for a name that is
// none of 1 to 253 letters, digits, '-', '_' and '.'.
void tell_names(const NameService& service, const std::string& id, kernel::Ipv4 address,
                const std::vector<std::string>& names);
void forget_names(const std::string& directory, const std::string& id);

bool valid_host_name(const std::string& name);

}  // namespace coracle::parts
