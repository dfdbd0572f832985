// Settings of the kernel that a container has for itself: proc_sys(5).
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.hpp"

namespace coracle::parts {

struct Sysctl {
  std::string name;  // "net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/forwarding"
  std::string value;
};

// /proc of this process's own root, proven to be a procfs and nothing mounted over a part of it: CVE-2019-19921,
// CVE-2025-52881 are what happens when it is not.
kernel::Fd open_proc();

// A file below it, opened so that neither a link nor a mount leads elsewhere. An empty Fd when it is not there.
kernel::Fd find_in_proc(const kernel::Fd& proc, const std::string& path, int flags);

// Whose namespaces these are: a pair of numbers for each, "" where it cannot be told.
struct SeenNamespaces {
  std::string ipc, net, uts;
};
SeenNamespaces look_at_namespaces(const kernel::Fd& proc);

// Writes them in the namespaces of this process. `host` are those of who started the container: a setting that would
// be the host's own is refused with an Error.
void write_sysctls(const std::vector<Sysctl>& sysctls, const SeenNamespaces& host);

}  // namespace coracle::parts
