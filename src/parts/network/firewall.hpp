// The firewall of a network: one table of rules, loaded once, in which ports of the host lead to containers.
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.hpp"
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

// Holds the port of the host as long as the descriptor is open: programs of the host cannot take it, they would
// never hear a word, because the rules come first. Throws Error EADDRINUSE.
kernel::Fd reserve(const PublishedPort& port);

// Lets the ports of the host lead to the container at `address`: all of them, or none. Error EADDRINUSE: the rules
// give one of them to another container; ENOENT: there are no rules.
void open_ports(const std::string& bridge, const std::vector<PublishedPort>& ports, kernel::Ipv4 address);

// Takes that back. Ports that lead nowhere are no error.
void close_ports(const std::string& bridge, const std::vector<PublishedPort>& ports);

// As parse_port() reads it.
std::string port_text(const PublishedPort& port);

// The published ports of a container, written down in its run directory: for its release, and for whoever has to load
// the rules again.
void note_ports(const std::string& run_dir, const std::vector<PublishedPort>& ports);
std::vector<PublishedPort> noted_ports(const std::string& run_dir);

}  // namespace coracle::parts
