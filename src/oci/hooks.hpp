// Hooks: programs that a bundle wants run at moments of a container's life (runtime-spec config.md, "POSIX-platform
// Hooks"). Each gets the container's state as JSON on its standard input.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "oci/json.hpp"
#include "parts/part.hpp"

namespace coracle::oci {

struct Hook {
  std::string path;  // absolute
  std::vector<std::string> args;
  std::optional<std::vector<std::string>> env;  // absent: ours
  std::optional<int> timeout;                   // seconds
};

struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

Hooks read_hooks(const Field& hooks);

// Runs them one after the other, each with `state` on its standard input. Throws Error with what a hook that failed
// printed, and runs none after it.
void run_hooks(const std::vector<Hook>& hooks, const std::string& state);

// The same, but a hook that fails is given to `warn` and the next one is run.
void run_all_hooks(const std::vector<Hook>& hooks, const std::string& state,
                   const std::function<void(const std::string&)>& warn);

// The state with a pid and a status, as JSON.
using StateText = std::function<std::string(pid_t pid, const char* status)>;

// Parts that run the hooks of a create (prestart and createRuntime outside of the container, createContainer in its
// namespaces) and of a start (startContainer, in the container). Parts that have nothing to do are left out.
// `hooks` must outlive the parts.
void add_hook_parts(parts::Parts& parts, const Hooks& hooks, const StateText& state);

// One of each of these parts, to unmake a container with.
void add_every_hook_part(parts::Parts& parts);

}  // namespace coracle::oci
