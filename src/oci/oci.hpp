// The door `coracle-oci`: the command line of an OCI runtime, as runc and crun have it. One file per command, or for a
// few that belong together. A command reads its words, acts, and gives the exit status.
#pragma once

#include <string>
#include <vector>

#include "door/options.hpp"
#include "oci/container.hpp"

namespace coracle::oci {

constexpr const char* kVersion = "0.1.0";
constexpr const char* kSpecVersion = "1.2.0";  // the newest runtime-spec that we know all about

// What stands before the command.
struct Door {
  std::string root;  // where the containers are
  bool debug = false;
};

using Words = std::vector<std::string>;

// `words` are those behind the name of the command.
int create(const Door& door, Words words);
int start(const Door& door, Words words);
int run(const Door& door, Words words);
int exec(const Door& door, Words words);
int state(const Door& door, Words words);
int list(const Door& door, Words words);
int kill(const Door& door, Words words);
int remove(const Door& door, Words words);  // "delete"
int ps(const Door& door, Words words);
int pause(const Door& door, Words words);
int resume(const Door& door, Words words);
int update(const Door& door, Words words);
int spec(const Door& door, Words words);
int features(const Door& door, Words words);

// The options of the command `name`.
class Options : public door::Options {
 public:
  Options(const std::string& name, const std::string& usage, const std::string& what)
      : door::Options("coracle-oci " + name, usage, what) {}
};

// Throws Error unless `words` are exactly one id; gives it.
std::string only_id(const Words& words);

// A line for whoever called us, in --log and on stderr.
void warn(const std::string& text);

// What `delete` does: ends the container's process, unmakes all that it had, runs the poststop hooks. Throws Error
// with what could not be undone. The hooks are those of the noted config.json when the caller does not know them.
void unmake(const Container& container, const Hooks* known = nullptr);

}  // namespace coracle::oci
