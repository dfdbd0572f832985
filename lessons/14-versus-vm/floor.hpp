// The floor's network, in floor_veth.cpp, and how both files fail.
#pragma once

#include <cstdio>
#include <string>

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

// A failed call ends everything, here and now.
inline long must(long result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  _exit(125);
}
