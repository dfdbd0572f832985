#include "cli/confinement.hpp"

#include <charconv>

#include "engine/devices.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"

namespace coracle::cli {
namespace {

using engine::Confinement;
using kernel::Error;

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw Error("read the option --security-opt " + text, 0, why);
}

std::optional<parts::DockerProfile> read_seccomp(const std::string& text, const std::string& value) {
  if (value == "unconfined") return std::nullopt;
  if (value.empty() || value == "builtin" || value == "default") return parts::DockerProfile{};
  parts::DockerProfile profile{kernel::read_file(value)};
  if (profile.json.find_first_not_of(" \t\r\n") == std::string::npos) refuse(text, "the file is empty");
  return profile;
}

bool read_switch(const std::string& text, const std::string& value) {
  if (value.empty() || value == "true") return true;
  if (value == "false") return false;
  refuse(text, "it is true or false");
}

int read_score(const std::string& text) {
  int score = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (error != std::errc() || end != text.data() + text.size() || score < -1000 || score > 1000)
    throw Error("read the option --oom-score-adj " + text, 0, "it is a number from -1000 to 1000");
  return score;
}

}  // namespace

// Docker takes a colon for the equals sign, too.
void read_security_option(const std::string& text, Confinement& chosen) {
  const std::size_t separator = text.find_first_of("=:");
  const std::string name = text.substr(0, separator);
  const std::string value = separator == std::string::npos ? "" : text.substr(separator + 1);
  if (name == "seccomp" && !value.empty()) {
    chosen.seccomp = read_seccomp(text, value);
  } else if (name == "no-new-privileges") {
    chosen.no_new_privileges = read_switch(text, value);
  } else if (name == "systempaths" && value == "unconfined") {
    chosen.system_paths = false;
  } else if ((name == "apparmor" && value == "unconfined") || (name == "label" && value == "disable")) {
    return;  // so it is here
  } else {
    refuse(text, "known are seccomp=FILE, seccomp=unconfined, no-new-privileges and systempaths=unconfined");
  }
}

void add_confinement(Options& options, Confinement& chosen) {
  const auto list = [](std::vector<std::string>& words) {
    return [&words](const std::string& word) { words.push_back(word); };
  };
  options.group("What it may do");
  options.value(0, "cap-add", "CAPABILITY", "A piece of root's power more: NET_ADMIN, or ALL", list(chosen.cap_add));
  options.value(0, "cap-drop", "CAPABILITY", "One less, or ALL", list(chosen.cap_drop));
  options.value(0, "security-opt", "OPTION", "seccomp=FILE|unconfined, no-new-privileges, systempaths=unconfined",
                [&](const std::string& text) { read_security_option(text, chosen); });
  options.flag(0, "privileged", "No walls: all capabilities, system calls, devices and paths", chosen.privileged);
  options.value(0, "ulimit", "NAME=SOFT[:HARD]", "A limit of each process: nofile=1024:4096",
                [&](const std::string& text) { chosen.ulimits.push_back(parts::parse_ulimit(text)); });
  options.value(0, "device", "HOST[:CONTAINER[:rwm]]", "A device of the host",
                [&](const std::string& text) { chosen.devices.push_back(engine::parse_device(text)); });
  options.value(0, "group-add", "GROUP", "A further group of the program, NAME or GID", list(chosen.group_add));
  options.value(0, "sysctl", "NAME=VALUE", "A setting of the kernel that its namespaces have for themselves",
                [&](const std::string& text) { chosen.sysctls.push_back(parts::parse_sysctl(text)); });
  options.value(0, "oom-score-adj", "NUMBER", "How soon the kernel ends it when memory is short, -1000 to 1000",
                [&](const std::string& text) { chosen.oom_score_adj = read_score(text); });
}

}  // namespace coracle::cli
