// A minimal init: pid 1 that passes signals on and buries orphans, so that the program does not have to.
#pragma once

#include <csignal>

namespace coracle::launch {

// Forks; returns in the child, which becomes the program. The caller stays as init until the program has ended, and
// ends with its exit status (128+n when a signal killed it).
void become_init(const sigset_t& mask);

}  // namespace coracle::launch
