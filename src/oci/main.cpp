// coracle-oci: the OCI runtime. This file reads what stands before the command, and picks it.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <unistd.h>

#include "kernel/error.hpp"
#include "oci/log.hpp"
#include "oci/oci.hpp"

using namespace coracle;

namespace coracle::oci {
namespace {

Log the_log;  // of this process: also for warnings, from wherever they come

struct Command {
  const char* name;
  const char* what;
  int (*act)(const Door& door, Words words);
};

constexpr Command kCommands[] = {
    {"create", "Make a container of a bundle; its program waits to be started", create},
    {"start", "Let the program of a created container go", start},
    {"run", "Make a container, start it, wait for its end and delete it", run},
    {"exec", "Run one more program in a running container", exec},
    {"state", "Print the state of a container as JSON", state},
    {"list", "List the containers below --root", list},
    {"kill", "Send a signal to a container's program", kill},
    {"delete", "Delete what a container left", remove},
    {"ps", "List the processes of a container", ps},
    {"pause", "Stop all processes of a container", pause},
    {"resume", "Let all processes of a paused container go on", resume},
    {"update", "Change the limits of a container", update},
    {"spec", "Write a config.json to begin with", spec},
    {"features", "Print what this runtime can do as JSON", features},
};

void print_help() {
  std::puts("Usage: coracle-oci [OPTIONS] COMMAND ...\n\nCommands:");
  for (const Command& command : kCommands) std::printf("  %-9s %s\n", command.name, command.what);
  std::puts(
      "\nOptions:\n"
      "  --root DIR           Where the state of containers is (/run/coracle-oci; $XDG_RUNTIME_DIR/coracle-oci\n"
      "                       for who is not root)\n"
      "  --log FILE           Where errors go besides stderr\n"
      "  --log-format FORMAT  text or json\n"
      "  --systemd-cgroup     Refused: groups are made in the kernel's own way (cgroupfs)\n"
      "  --debug              Say more in the log\n"
      "  --version            Print the version\n"
      "  --help               This text\n\n"
      "\"coracle-oci COMMAND --help\" tells about one command.");
}

void print_version() { std::printf("coracle-oci version %s\nspec: %s\n", kVersion, kSpecVersion); }

std::string default_root() {
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  if (geteuid() != 0 && runtime_dir != nullptr && *runtime_dir != '\0')
    return std::string(runtime_dir) + "/coracle-oci";
  return "/run/coracle-oci";
}

[[noreturn]] void refuse(const std::string& what) { throw kernel::Error(what, 0, "see coracle-oci --help"); }

// What stands before the command, taken from the front of the words.
class GlobalOptions {
 public:
  explicit GlobalOptions(Words& words) : words_(words) {}

  bool take(Door& door) {
    if (words_.empty()) return false;
    if (value("--root", door.root) || value("--log", the_log.file)) return true;
    if (std::string format; value("--log-format", format)) {
      if (format != "text" && format != "json") refuse("read the log format \"" + format + "\": it is text or json");
      the_log.json = format == "json";
      return true;
    }
    if (flag("--debug")) return door.debug = the_log.debug = true;
    if (flag("--systemd-cgroup"))
      throw kernel::Error("use systemd for control groups", ENOTSUP,
                          "groups are made in the kernel's own way; tell the caller so: podman --cgroup-manager "
                          "cgroupfs, SystemdCgroup = false in containerd");
    std::string ignored;  // of runc: newuidmap is not needed, for the caller has written the maps
    return value("--rootless", ignored) || value("--criu", ignored);
  }

 private:
  bool flag(const std::string& name) {
    if (words_.front() != name && words_.front() != name + "=true") return false;
    words_.erase(words_.begin());
    return true;
  }

  bool value(const std::string& name, std::string& target) {
    const std::string& word = words_.front();
    if (word == name) {
      if (words_.size() < 2) refuse("read the option " + name + ": a value must follow");
      target = words_[1];
      words_.erase(words_.begin(), words_.begin() + 2);
      return true;
    }
    if (word.compare(0, name.size() + 1, name + "=") != 0) return false;
    target = word.substr(name.size() + 1);
    words_.erase(words_.begin());
    return true;
  }

  Words& words_;
};

// `command` becomes the name of the command, once it is known.
int act(Words words, std::string& command) {
  Door door{default_root()};
  GlobalOptions options(words);
  while (options.take(door)) {
  }
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return words.empty() ? 1 : 0;
  }
  if (words[0] == "--version" || words[0] == "-v") {
    print_version();
    return 0;
  }
  command = words[0];
  words.erase(words.begin());
  for (const Command& known : kCommands) {
    if (command == known.name) return known.act(door, std::move(words));
  }
  refuse((command[0] == '-' ? "unknown option " : "unknown command ") + command);
}

}  // namespace

void warn(const std::string& text) { write_log(the_log, "warning", text); }

}  // namespace coracle::oci

// An exec that fails gives 255, so that its program's own statuses are told from it, and all else 1, as with runc.
int main(int argc, char** argv) {
  std::string command;
  try {
    return oci::act({argv + 1, argv + argc}, command);
  } catch (const std::exception& error) {
    oci::write_log(oci::the_log, "error", error.what());
    return command == "exec" ? 255 : 1;
  }
}
