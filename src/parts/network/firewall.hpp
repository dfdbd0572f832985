// The firewall of a network: one table of rules, loaded once, in which ports of the host lead to containers.
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "kernel/rtnetlink.hpp"
#include "parts/network.hpp"

namespace coracle::parts {

// Loads the table `bridge` (family ip) with the rules for the bridge of that name and its subnet ("10.77.0.0/16").
// A table of that name is replaced. Throws Error.
void load_rules(const std::string& bridge, const std::string& subnet);

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
