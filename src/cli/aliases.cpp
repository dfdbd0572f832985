#include "cli/aliases.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace coracle::cli {
namespace {

constexpr std::array kGroups = {std::string_view("container"), std::string_view("image"), std::string_view("network"),
                                std::string_view("system"), std::string_view("volume")};

struct Alias {
  std::string_view name, command, option = "";
};
constexpr Alias kAliases[] = {
    {"container inspect", "inspect", "--type=container"},
    {"container list", "ps"},
    {"container ls", "ps"},
    {"container remove", "rm"},
    {"image inspect", "inspect", "--type=image"},
    {"image list", "images"},
    {"image ls", "images"},
    {"image remove", "rmi"},
    {"image rm", "rmi"},
    {"network list", "network ls"},
    {"network remove", "network rm"},
    {"system events", "events"},
    {"system info", "info"},
    {"volume list", "volume ls"},
    {"volume remove", "volume rm"},
};

// Behind the group they are called as they are alone.
constexpr std::string_view kOfContainers[] = {
    "attach", "commit",  "cp", "create", "diff",  "exec",  "export", "kill", "logs",    "pause",  "port", "ps",
    "rename", "restart", "rm", "run",    "start", "stats", "stop",   "top",  "unpause", "update", "wait"};
constexpr std::string_view kOfImages[] = {"build", "history", "import", "load", "pull", "push", "save", "tag"};

template <typename Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

bool is_group(const std::string& word) { return contains(kGroups, word); }

std::string take_name(std::vector<std::string>& words) {
  const std::string first = words[0];
  words.erase(words.begin());
  if (words.empty() || !is_group(first)) return first;
  const std::string second = words[0];
  words.erase(words.begin());
  if (first == "container" && contains(kOfContainers, second)) return second;
  if (first == "image" && contains(kOfImages, second)) return second;
  for (const Alias& alias : kAliases) {
    if (first + " " + second != alias.name) continue;
    if (!alias.option.empty()) words.emplace(words.begin(), alias.option);
    return std::string(alias.command);
  }
  return first + " " + second;
}

}  // namespace coracle::cli
