// The keys that leave a container without ending it, in docker's words: "ctrl-p,ctrl-q".
#pragma once

#include <string>
#include <string_view>

namespace coracle::launch {

class DetachKeys {
 public:
  // Keys with commas between them: one character, ctrl-a to ctrl-z, ctrl-@ ctrl-[ ctrl-\ ctrl-] ctrl-^ ctrl-_, or DEL;
  // "" is ctrl-p,ctrl-q. Throws Error for anything else.
  explicit DetachKeys(const std::string& text = {});

  // What of the typed bytes goes on to the program. The beginning of the sequence is held back until it is clear
  // whether the rest of it follows. After the last key nothing passes any more.
  std::string pass(std::string_view typed);

  bool complete() const { return held_.size() == keys_.size(); }

 private:
  std::string keys_;
  std::string held_;  // how much of keys_ was typed until now
};

}  // namespace coracle::launch
