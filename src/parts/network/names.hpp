// The name files of a container: /etc/resolv.conf, /etc/hosts, /etc/hostname; resolv.conf(5), hosts(5).
#pragma once

#include <string>
#include <vector>

#include "parts/network.hpp"
#include "parts/part.hpp"

namespace coracle::parts {

// The lines of a text, without their ends.
std::vector<std::string> lines_of(const std::string& text);

// Writes the three into the run directory, and asks for them to be bound into the root, as docker does. `address` is
// the container's own; `name_server` that of its network, before which nobody is asked; "" is none.
void write_name_files(Context& context, const std::string& address, const NameOptions& names,
                      const std::string& name_server = "");

// One more address of the container's own name, in the file that it sees.
void add_host(const std::string& run_dir, const std::string& address, const std::string& hostname);

// What stands in resolv.conf: with none of its own, the text `host` is for what `names` leaves open.
std::string resolv_conf(const std::string& host, const NameOptions& names, const std::string& name_server = "");

}  // namespace coracle::parts
