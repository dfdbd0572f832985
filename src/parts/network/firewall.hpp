// The firewall of a network: one table of rules, loaded once, in which ports of the host lead to containers.
#pragma once

#include <string>
#include <vector>

#include "kernel/rtnetlink.hpp"
#include "parts/network.hpp"

namespace coracle::parts {

// The rules of a network, as nft(8) reads them: a table (family ip) with the name of its bridge, which replaces one
// of that name. `subnet`: "10.77.0.0/16". `internal`: nothing gets out of it, or in. `name_server`: the address of its
// name service, for its own containers; "" is none.
std::string rules_of(const std::string& bridge, const std::string& subnet, bool internal,
                     const std::string& name_server);

// Throws Error.
void load_rules(const std::string& rules);

// Lets the ports of the host lead to the container at `address`: all of them, or none. Error EADDRINUSE: the rules
// give one of them to another container; ENOENT: there are no rules.
void open_ports(const std::string& bridge, const std::vector<PublishedPort>& ports, kernel::Ipv4 address);

// Takes that back. Ports that lead nowhere are no error.
void close_ports(const std::string& bridge, const std::vector<PublishedPort>& ports);

}  // namespace coracle::parts
