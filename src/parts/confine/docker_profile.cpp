// Docker's form of a seccomp profile (moby/profiles: seccomp/seccomp.go): rules hold for some capabilities, machines
// and kernels, and a table says which other architectures a machine runs.
#pragma GCC diagnostic ignored "-Warray-bounds"  // g++ 12 sees one in what JSON_DIAGNOSTICS adds to the library
#include <algorithm>
#include <cstdio>

#include <sys/utsname.h>

#define JSON_DIAGNOSTICS 1  // errors name the place in the text
#include <nlohmann/json.hpp>

#include "kernel/error.hpp"
#include "parts/confine/seccomp.hpp"

namespace coracle::parts {
namespace {

using Json = nlohmann::json;
using kernel::Error;
using Words = std::vector<std::string>;

// How docker and libseccomp call the machine that this is built for.
struct Machine {
  const char* docker;
  const char* token;
};
#if defined(__x86_64__)
constexpr Machine kMachine = {"amd64", "SCMP_ARCH_X86_64"};
#elif defined(__aarch64__)
constexpr Machine kMachine = {"arm64", "SCMP_ARCH_AARCH64"};
#elif defined(__riscv)
constexpr Machine kMachine = {"riscv64", "SCMP_ARCH_RISCV64"};
#else
constexpr Machine kMachine = {"", ""};
#endif

// The field, or nothing to go through.
const Json& items(const Json& object, const char* name) {
  static const Json nothing = Json::parse("[]");
  const auto field = object.find(name);
  return field == object.end() || field->is_null() ? nothing : *field;
}

template <typename Value>
Value value_or(const Json& object, const char* name, Value otherwise) {
  const auto field = object.find(name);
  return field == object.end() || field->is_null() ? otherwise : field->get<Value>();
}

std::optional<unsigned> optional_number(const Json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || field->is_null()) return std::nullopt;
  return field->get<unsigned>();
}

bool contains(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool has_capability(const std::string& name, kernel::Capabilities bounding) {
  const std::optional<int> number = kernel::capability_number(name);
  return number && (bounding >> static_cast<unsigned>(*number) & 1U) != 0;
}

bool kernel_is_at_least(const std::string& version) {
  int wanted[2] = {0, 0};
  int running[2] = {0, 0};
  utsname name{};
  uname(&name);
  if (std::sscanf(version.c_str(), "%d.%d", &wanted[0], &wanted[1]) != 2)
    throw Error("read the seccomp profile: minKernel \"" + version + "\"", 0, "a version is written 4.8");
  std::sscanf(name.release, "%d.%d", &running[0], &running[1]);
  return running[0] != wanted[0] ? running[0] > wanted[0] : running[1] >= wanted[1];
}

// "includes": a rule holds when the machine is among the arches, all caps are there, and the kernel is new enough.
bool is_included(const Json& rule, kernel::Capabilities bounding) {
  const Json& filter = items(rule, "includes");
  const Words arches = value_or(filter, "arches", Words{});
  const Words caps = value_or(filter, "caps", Words{});
  const std::string minimum = value_or(filter, "minKernel", std::string());
  const auto has = [&](const std::string& name) { return has_capability(name, bounding); };
  return (arches.empty() || contains(arches, kMachine.docker)) && std::all_of(caps.begin(), caps.end(), has) &&
         (minimum.empty() || kernel_is_at_least(minimum));
}

// "excludes": one of these is enough for it not to hold.
bool is_excluded(const Json& rule, kernel::Capabilities bounding) {
  const Json& filter = items(rule, "excludes");
  const Words caps = value_or(filter, "caps", Words{});
  const std::string minimum = value_or(filter, "minKernel", std::string());
  const auto has = [&](const std::string& name) { return has_capability(name, bounding); };
  return contains(value_or(filter, "arches", Words{}), kMachine.docker) || std::any_of(caps.begin(), caps.end(), has) ||
         (!minimum.empty() && kernel_is_at_least(minimum));
}

SeccompRule read_rule(const Json& json) {
  SeccompRule rule;
  rule.names = value_or(json, "names", Words{});
  if (json.contains("name")) rule.names.push_back(json.at("name").get<std::string>());  // the old form
  rule.action = json.at("action").get<std::string>();
  rule.errno_ret = optional_number(json, "errnoRet");
  for (const Json& arg : items(json, "args")) {
    rule.args.push_back({arg.at("index").get<unsigned>(), arg.at("value").get<std::uint64_t>(),
                         value_or(arg, "valueTwo", std::uint64_t{0}), arg.at("op").get<std::string>()});
  }
  return rule;
}

Words read_architectures(const Json& profile) {
  Words architectures = value_or(profile, "architectures", Words{});
  for (const Json& entry : items(profile, "archMap")) {
    if (entry.at("architecture").get<std::string>() != kMachine.token) continue;
    for (const std::string& name : value_or(entry, "subArchitectures", Words{})) architectures.push_back(name);
  }
  return architectures;
}

SeccompProfile from_json(const Json& json, kernel::Capabilities bounding) {
  SeccompProfile profile;
  profile.default_action = json.at("defaultAction").get<std::string>();
  profile.default_errno_ret = optional_number(json, "defaultErrnoRet");
  profile.architectures = read_architectures(json);
  profile.flags = value_or(json, "flags", Words{});
  profile.listener_path = value_or(json, "listenerPath", std::string());
  for (const Json& rule : items(json, "syscalls")) {
    if (is_included(rule, bounding) && !is_excluded(rule, bounding)) profile.syscalls.push_back(read_rule(rule));
  }
  return profile;
}

}  // namespace

SeccompProfile read_docker_profile(const std::string& json, kernel::Capabilities bounding) {
  try {
    return from_json(Json::parse(json), bounding);
  } catch (const Json::exception& error) {
    throw Error("read the seccomp profile", 0, error.what());
  }
}

}  // namespace coracle::parts
