// What the tests of an ordinary user's containers share.
#pragma once

#include <filesystem>
#include <memory>

#include <sys/stat.h>

#include "support/ordinary_user.hpp"
#include "support/support.hpp"

namespace coracle::test {

using Words = std::vector<std::string>;

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline struct stat status_of(const std::string& path) {
  struct stat status {};
  INFO(path);
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status;
}

// Runs a command in busybox without a network.
inline Result in_busybox(const OrdinaryUser& user, Words options, const Words& command) {
  options.insert(options.begin(), {"run", "--rm", "--net", "none"});
  options.push_back("busybox");
  options.insert(options.end(), command.begin(), command.end());
  return user.run(options);
}

// What it prints, where nothing goes wrong and there is nothing to warn of.
inline std::string output(const OrdinaryUser& user, const Words& options, const Words& command) {
  const Result result = in_busybox(user, options, command);
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(result.err.empty());
  return result.out;
}

// A container that runs.
inline std::unique_ptr<Running> waiting(const OrdinaryUser& user, const Words& options) {
  Words words = {"run", "--rm", "--net", "none"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"busybox", "sh", "-c", "echo ready; exec sleep 1000"});
  auto running = std::make_unique<Running>(user.coracle(words));
  running->read_until("ready\n");
  return running;
}

}  // namespace coracle::test
