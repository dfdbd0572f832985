// The image that a new container needs and that is not here: coracle-images pulls it.
#pragma once

#include <string>

#include "cli/cli.hpp"

namespace coracle::cli {

enum class PullPolicy { missing, always, never };

// Throws Error for another word.
PullPolicy read_pull_policy(const std::string& word);

// The image could not be brought, and who tried has said why.
struct NotBrought {};

// Runs `coracle pull` and waits for its end; what it prints goes to stderr. `platform` may be empty. Throws NotBrought.
void bring(const Door& door, const std::string& image, const std::string& platform);

// The same for an image that was found missing, and says so as docker does.
void bring_missing(const Door& door, const std::string& image, const std::string& platform);

// A switch that a child process can turn and its parent see.
class SharedSwitch {
 public:
  SharedSwitch();
  ~SharedSwitch();
  SharedSwitch(const SharedSwitch&) = delete;
  SharedSwitch& operator=(const SharedSwitch&) = delete;

  void turn_on() { *on_ = true; }
  bool is_on() const { return *on_; }

 private:
  bool* on_;
};

}  // namespace coracle::cli
