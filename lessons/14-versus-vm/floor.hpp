// The floor's network, in floor_veth.cpp; what an OCI runtime does besides, in floor_bundle.cpp; and how all of them
// fail.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

struct Veth {
  std::string bridge, address, gateway;
};

// In the parent: makes the pair, the child's end in the child's namespace, and then says "go". The kernel deletes it
// together with that namespace.
void make_veth(const Veth& veth, const std::string& scratch, pid_t child, int go);

// In the child, with the container's root as its working directory: waits for "go", gives eth0 its address and route,
// and the root the three files that a network needs (docker makes the same ones).
void enter_veth(const Veth& veth, const std::string& scratch, int go);

// In the parent: makes a new version 1 cgroup usable (cpuset), and allows the devices that every container has.
void set_up_cgroup(const std::string& parent, const std::string& path);

// In the child, instead of an overlay: the directory itself, read-only at the end, as its working directory.
void bind_root(const std::string& directory);

// /sys/fs/cgroup with the container's view of each of these trees, and the root made read-only.
void mount_cgroups(const std::vector<std::string>& parents);

// In the child, in its new root: masked and read-only paths, one limit, three capabilities, no new ones.
void confine();

// A failed call ends everything, here and now.
inline long must(long result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  _exit(125);
}
