// Rules for device files: lines for version 1's devices.allow and devices.deny (admin-guide/cgroup-v1/devices.rst), a
// program for version 2.
#include <linux/bpf.h>
#include <unistd.h>

#include "kernel/device_program.hpp"
#include "kernel/recorder.hpp"
#include "parts/cgroup/resources.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

std::string text_of(const std::optional<std::int64_t>& number) {
  return number.value_or(-1) < 0 ? "*" : std::to_string(*number);
}

// "c 1:3 rwm"; "a" is everything.
std::string line_of(const DeviceRule& rule) {
  if (rule.type == 'a') return "a";
  return fmt::format("{} {}:{} {}", rule.type, text_of(rule.major), text_of(rule.minor), rule.access);
}

void check(const DeviceRule& rule) {
  const bool known = rule.type == 'a' || rule.type == 'b' || rule.type == 'c';
  if (known && rule.access.find_first_not_of("rwm") == std::string::npos && !rule.access.empty()) return;
  throw Error(fmt::format("set the device rule \"{}\"", line_of(rule)), 0,
              "the types are a, b and c, and the access is of the letters r, w and m");
}

std::optional<std::uint32_t> matched(const std::optional<std::int64_t>& number) {
  if (number.value_or(-1) < 0) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

// Version 1 knows "a" as all devices and every access, whatever else such a rule says; so it is here.
kernel::DeviceMatch match_of(const DeviceRule& rule) {
  if (rule.type == 'a') return {.allow = rule.allow};
  const auto may = [&](char letter) { return rule.access.find(letter) != std::string::npos; };
  return {.allow = rule.allow,
          .type = rule.type,
          .major = matched(rule.major),
          .minor = matched(rule.minor),
          .read = may('r'),
          .write = may('w'),
          .mknod = may('m')};
}

DeviceRule allow(char type, std::optional<std::int64_t> major, std::optional<std::int64_t> minor, const char* access) {
  return {true, type, major, minor, access};
}

}  // namespace

std::vector<DeviceRule> default_device_rules() { return {allow('c', 5, 1, "rwm"), {false, 'c', 10, 229, "rwm"}}; }

std::vector<DeviceRule> standard_device_rules() {
  return {allow('c', {}, {}, "m"), allow('b', {}, {}, "m"),   allow('c', 1, 3, "rwm"), allow('c', 1, 5, "rwm"),
          allow('c', 1, 7, "rwm"), allow('c', 1, 8, "rwm"),   allow('c', 1, 9, "rwm"), allow('c', 5, 0, "rwm"),
          allow('c', 5, 2, "rwm"), allow('c', 136, {}, "rwm")};
}

namespace {

void write_lines(const kernel::Cgroup& group, const std::vector<DeviceRule>& rules) {
  const std::string directory = group.directory_of("devices");
  const kernel::Fd allowed = kernel::open(directory + "/devices.allow", O_WRONLY);
  const kernel::Fd denied = kernel::open(directory + "/devices.deny", O_WRONLY);
  for (const DeviceRule& rule : rules) {
    const std::string line = line_of(rule);
    kernel::attempt([&] { return write((rule.allow ? allowed : denied).get(), line.data(), line.size()); },
                    "write \"{}\" to {}/devices.{}", line, directory, rule.allow ? "allow" : "deny");
  }
}

void attach_program(const kernel::Cgroup& group, const std::vector<DeviceRule>& rules) {
  std::vector<kernel::DeviceMatch> matches;
  matches.reserve(rules.size());
  for (const DeviceRule& rule : rules) matches.push_back(match_of(rule));
  const kernel::Fd directory = kernel::open(group.directory_of("cgroup2"), O_RDONLY | O_DIRECTORY);
  kernel::attach_device_program(directory, kernel::device_program(matches));
}

}  // namespace

void write_devices(const kernel::Cgroup& group, const std::vector<DeviceRule>& rules) {
  std::vector<DeviceRule> all = {{.allow = false, .type = 'a'}};
  all.insert(all.end(), rules.begin(), rules.end());
  for (DeviceRule& rule : standard_device_rules()) all.push_back(std::move(rule));
  for (const DeviceRule& rule : all) check(rule);
  const bool has_files = group.version() == 1 && !group.directory_of("devices").empty();
  has_files ? write_lines(group, all) : attach_program(group, all);
}

}  // namespace coracle::parts
