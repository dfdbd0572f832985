#include "cli/commands.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "cli/aliases.hpp"
#include "cli/help.hpp"
#include "image/store.hpp"
#include "kernel/error.hpp"
#include "kernel/recorder.hpp"
#include "launch/launch.hpp"

namespace coracle::cli {
namespace {

[[noreturn]] void refuse(const std::string& what) { throw kernel::Error(what, 0, "see coracle --help"); }

// "--root DIR" and "--root=DIR": takes the option from the front of the words.
bool take_option(std::vector<std::string>& words, const std::string& name, std::string& value) {
  const std::string& word = words.front();
  if (word == name) {
    if (words.size() < 2) refuse("read the option " + name + ": a directory must follow");
    value = words[1];
    words.erase(words.begin(), words.begin() + 2);
    return true;
  }
  if (word.compare(0, name.size() + 1, name + "=") != 0) return false;
  value = word.substr(name.size() + 1);
  words.erase(words.begin());
  return true;
}

}  // namespace

void execute_images(const Door& door, const std::string& name, const std::vector<std::string>& words) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::string program = self + "/coracle-images";
  std::vector<std::string> all{"coracle", "--root", door.roots.data, "--run", door.roots.run, name};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  kernel::attempt([&] { return execv(program.c_str(), argv.data()); }, "execve {}", program);
  std::abort();
}

int act(std::span<const Command> commands, std::vector<std::string> words) {
  Door door{{image::default_root(), launch::default_run_root()}};
  while (!words.empty() &&
         (take_option(words, "--root", door.roots.data) || take_option(words, "--run", door.roots.run))) {
  }
  if (words.empty() || words[0] == "--help" || words[0] == "help") {
    print_help(commands);
    return words.empty() ? kFailure : 0;
  }
  if (words[0] == "--version") {
    std::printf("coracle %s\n", kVersion);
    return 0;
  }
  const std::string name = take_name(words);
  for (const Command& command : commands) {
    if (name != command.name) continue;
    if (command.act == nullptr) execute_images(door, name, words);
    return command.act(door, std::move(words));
  }
  if (const std::string group = name.substr(0, name.find(" --help")); is_group(group)) {
    print_help(commands, group);
    return 0;
  }
  refuse((name[0] == '-' ? "unknown option " : "unknown command ") + name);
}

}  // namespace coracle::cli
