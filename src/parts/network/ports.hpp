// Published ports: what is said of them, and what they are on the host.
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "parts/network.hpp"

namespace coracle::parts {

// Holds the port of the host as long as the descriptor is open: programs of the host cannot take it, they would
// never hear a word, because the rules come first. What was left open of it is chosen. Throws Error EADDRINUSE.
kernel::Fd reserve(PublishedPort& port);

// As parse_port() reads it.
std::string port_text(const PublishedPort& port);

// The published ports of a container, written down in its run directory: for its release, and for whoever has to load
// the rules again.
void note_ports(const std::string& run_dir, const std::vector<PublishedPort>& ports);
std::vector<PublishedPort> noted_ports(const std::string& run_dir);

}  // namespace coracle::parts
