// The words that docker has for volumes, read into plain data.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <climits>

#include <unistd.h>

#include "kernel/error.hpp"
#include "parts/volumes.hpp"
#include "parts/volumes/words.hpp"

#include <fmt/format.h>

namespace coracle::parts {
namespace {

using kernel::Error;
using Kind = Volume::Kind;

// An absolute path without ".", ".." and empty names; ".." of / is / itself.
std::string clean(const std::string& path) {
  std::vector<std::string> names;
  for (const std::string& name : split(path, '/')) {
    if (name == ".." && !names.empty()) names.pop_back();
    if (!name.empty() && name != "." && name != "..") names.push_back(name);
  }
  std::string result;
  for (const std::string& name : names) result += "/" + name;
  return result.empty() ? "/" : result;
}

std::string clean_destination(const std::string& text) {
  if (text.empty() || text[0] != '/')
    throw Error("mount on \"" + text + "\"", 0, "the place in the container must be an absolute path");
  std::string destination = clean(text);
  if (destination == "/") throw Error("mount on \"" + text + "\"", 0, "the container's / itself cannot be a volume");
  return destination;
}

bool is_host_path(const std::string& text) {
  return text[0] == '/' || text == "." || text == ".." || text.rfind("./", 0) == 0 || text.rfind("../", 0) == 0;
}

[[noreturn]] void refuse(const std::string& option, const std::string& text, const std::string& why) {
  throw Error(fmt::format("read {} {}", option, text), 0, why);
}

constexpr const char* kAllowed = "allowed is HOST:DEST[:ro|rw] or NAME:DEST[:ro|rw]";

// The words behind the second colon of -v. Labels for SELinux (z, Z) and docker's words for macOS mean nothing here.
void read_modes(Volume& volume, const std::string& modes, const std::string& text) {
  for (const std::string& mode : split(modes, ',')) {
    if (mode == "ro" || mode == "rw") {
      volume.readonly = mode == "ro";
    } else if (mode == "nocopy" && volume.kind == Kind::named) {
      volume.copy = false;
    } else if (is_propagation(mode) && volume.kind == Kind::bind) {
      volume.propagation = mode;
    } else if (mode != "z" && mode != "Z" && mode != "cached" && mode != "delegated" && mode != "consistent") {
      refuse("-v", text, fmt::format("\"{}\" is no mode; {}", mode, kAllowed));
    }
  }
}

}  // namespace

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string absolute_path(const std::string& path) {
  if (path[0] == '/') return path;
  char directory[PATH_MAX];
  if (getcwd(directory, sizeof directory) == nullptr) throw Error("getcwd", errno);
  return clean(std::string(directory) + "/" + path);
}

std::uint64_t parse_size(const std::string& text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit = rest == text.data() + text.size() ? "b" : rest;
  const std::size_t place = unit.size() == 1 ? std::string("bBkKmMgG").find(unit) : std::string::npos;
  const std::size_t shift = place / 2 * 10;
  if (error != std::errc() || number == 0 || place == std::string::npos || number > (UINT64_MAX / 2 >> shift)) {
    throw Error("read the size \"" + text + "\"", 0, "a number of bytes with b, k, m or g behind it is allowed: 64m");
  }
  return number << shift;
}

unsigned parse_mode(const std::string& text) {
  unsigned mode = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || rest != text.data() + text.size() || mode > 07777) {
    throw Error("read the mode \"" + text + "\"", 0, "an octal number up to 7777 is allowed: 1777");
  }
  return mode;
}

bool is_propagation(const std::string& word) {
  constexpr const char* kWords[] = {"private", "rprivate", "shared", "rshared", "slave", "rslave"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

// Docker's RestrictedNamePattern: [a-zA-Z0-9][a-zA-Z0-9_.-]+
void check_volume_name(const std::string& name) {
  const auto is_plain = [](unsigned char c) { return c < 128 && std::isalnum(c) != 0; };
  const auto is_allowed = [&](unsigned char c) { return is_plain(c) || c == '_' || c == '.' || c == '-'; };
  if (name.size() < 2 || !is_plain(static_cast<unsigned char>(name[0])) ||
      !std::all_of(name.begin(), name.end(), is_allowed)) {
    throw Error("use \"" + name + "\" as a volume", 0,
                "a name is two or more of a-z A-Z 0-9 _ . - and begins with a letter or digit; a path of the host "
                "begins with / or ./ or ../");
  }
}

Volume checked(Volume volume) {
  volume.destination = clean_destination(volume.destination);
  if (volume.kind == Kind::named && volume.source.empty()) {
    throw Error("mount on " + volume.destination, 0,
                std::string("a volume without a name or host path is not supported; ") + kAllowed);
  }
  if (volume.kind == Kind::named) check_volume_name(volume.source);
  return volume;
}

Volume parse_volume(const std::string& text) {
  const std::vector<std::string> words = split(text, ':');
  if (words.size() == 1 && text.starts_with("/"))
    return {.kind = Kind::named, .destination = clean_destination(text), .anonymous = true};
  if (words.size() == 1)
    refuse("-v", text, std::string("a volume without a name or host path is not supported; ") + kAllowed);
  if (words.size() > 3 || words[0].empty() || words[1].empty()) refuse("-v", text, kAllowed);
  Volume volume;
  if (is_host_path(words[0])) {
    volume.source = absolute_path(words[0]);
  } else {
    volume.kind = Kind::named;
    volume.source = words[0];
  }
  volume.destination = words[1];
  if (words.size() == 3) read_modes(volume, words[2], text);
  return checked(volume);
}

Volume parse_tmpfs(const std::string& text) {
  const std::size_t colon = text.find(':');
  Volume volume{.kind = Kind::tmpfs, .source = "tmpfs", .destination = clean_destination(text.substr(0, colon))};
  if (colon == std::string::npos) return volume;
  for (const std::string& option : split(text.substr(colon + 1), ',')) {
    if (option.rfind("size=", 0) == 0) {
      volume.size = parse_size(option.substr(5));
    } else if (option.rfind("mode=", 0) == 0) {
      volume.mode = parse_mode(option.substr(5));
    } else if (option == "ro" || option == "rw") {
      volume.readonly = option == "ro";
    } else if (option != "noexec" && option != "nosuid" && option != "nodev") {  // these hold anyway
      refuse("--tmpfs", text, fmt::format("\"{}\" is no option; allowed are size=64m, mode=1777, ro, rw", option));
    }
  }
  return volume;
}

}  // namespace coracle::parts
