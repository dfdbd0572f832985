#include "cli/help.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string_view>

#include "cli/examples.hpp"

namespace coracle::cli {
namespace {

// As docker chose them.
constexpr std::string_view kCommon[] = {"run",    "exec",  "ps",     "build",   "pull", "push",
                                        "images", "login", "logout", "version", "info"};

bool is_common(std::string_view name) {
  return std::find(std::begin(kCommon), std::end(kCommon), name) != std::end(kCommon);
}

bool is_of_group(std::string_view name) { return name.find(' ') != std::string_view::npos; }

void print_commands(const char* heading, std::span<const Command> commands,
                    const std::function<bool(std::string_view)>& belongs) {
  std::printf("\n%s:\n", heading);
  for (const Command& command : commands) {
    if (*command.what == '\0' || !belongs(command.name)) continue;
    std::printf("  %-18s  %s\n", command.name, command.what);
    std::printf("  %-18s    coracle %s\n", "", example_of(command.name));
  }
}

}  // namespace

void print_help(std::span<const Command> commands, const std::string& group) {
  if (!group.empty()) {
    std::printf("Usage: coracle %s COMMAND ...\n", group.c_str());
    print_commands("Commands", commands, [&](std::string_view name) { return name.starts_with(group + " "); });
    std::printf("\n\"coracle %s COMMAND --help\" tells about one command.\n", group.c_str());
    return;
  }
  std::puts("Usage: coracle [--root DIR] [--run DIR] COMMAND ...");
  print_commands("Common Commands", commands, is_common);
  print_commands("Management Commands", commands, is_of_group);
  print_commands("Commands", commands, [](std::string_view name) { return !is_common(name) && !is_of_group(name); });
  std::puts(
      "\nOptions:\n"
      "  --root DIR  Images, volumes and containers ($CORACLE_ROOT, else /var/lib/coracle; for an ordinary user\n"
      "              $XDG_DATA_HOME/coracle, else ~/.local/share/coracle)\n"
      "  --run DIR   State of what runs ($CORACLE_RUN, else a directory in memory: /run/coracle or /dev/shm/coracle;\n"
      "              for an ordinary user $XDG_RUNTIME_DIR/coracle, else /dev/shm/coracle-UID)\n"
      "  --version   Print the version\n"
      "  --help      This text\n\n"
      "\"coracle COMMAND --help\" tells about one command. Those of images and containers are there behind \"image\"\n"
      "and \"container\" as well: \"coracle container ls\" is \"coracle ps\".");
}

}  // namespace coracle::cli
