// "process" of config.json (runtime-spec config.md, "Process" and "POSIX process").
#include <algorithm>

#include <fmt/format.h>
#include <sys/resource.h>

#include "kernel/capability.hpp"
#include "kernel/rlimit.hpp"
#include "oci/config_sections.hpp"

namespace coracle::oci {
namespace {

kernel::Capabilities read_capabilities(const Field& names) {
  kernel::Capabilities set = 0;
  names.each([&](const Field& field) {
    const std::string name = field.required_text();
    const auto number = kernel::capability_number(name);
    // runtime-spec: one that cannot be mapped to the kernel's is told of, and is no error.
    if (number) set |= kernel::Capabilities{1} << static_cast<unsigned>(*number);
  });
  return set;
}

void read_all_capabilities(const Field& field, parts::ConfineOptions& confine) {
  parts::CapabilityOptions& sets = confine.capabilities.emplace();
  sets.bounding = read_capabilities(field["bounding"]);
  sets.permitted = read_capabilities(field["permitted"]);
  sets.effective = read_capabilities(field["effective"]);
  sets.inheritable = read_capabilities(field["inheritable"]);
  sets.ambient = read_capabilities(field["ambient"]);
}

void read_rlimits(const Field& rlimits, parts::ConfineOptions& confine) {
  rlimits.each([&](const Field& field) {
    const std::string type = field["type"].required_text();
    const auto resource = kernel::rlimit_number(type);
    if (!resource || !type.starts_with("RLIMIT_")) field["type"].refuse("the kernel has no such limit");
    const auto same = [&](const parts::Rlimit& other) { return other.resource == *resource; };
    if (std::any_of(confine.rlimits.begin(), confine.rlimits.end(), same))
      field["type"].refuse("this limit is there twice");
    confine.rlimits.push_back({*resource, field["soft"].number<std::uint64_t>().value_or(0),
                               field["hard"].number<std::uint64_t>().value_or(0)});
  });
}

void read_user(const Field& user, launch::Process& process) {
  const auto uid = user["uid"].number<std::uint32_t>().value_or(0);
  const auto gid = user["gid"].number<std::uint32_t>().value_or(0);
  process.user = fmt::format("{}:{}", uid, gid);
  process.exact_groups = true;
  user["additionalGids"].each(
      [&](const Field& field) { process.groups.push_back(field.number<std::uint32_t>().value_or(0)); });
  process.umask = user["umask"].number<std::uint32_t>().value_or(022);
  if (process.umask > 0777) user["umask"].refuse("a mask has nine bits at most");
}

// Security modules that nobody here loads a profile into.
void refuse_modules(const Field& process) {
  if (const std::string profile = process["apparmorProfile"].text(); !profile.empty() && profile != "unconfined")
    process["apparmorProfile"].refuse("AppArmor is not supported");
  if (!process["selinuxLabel"].text().empty()) process["selinuxLabel"].refuse("SELinux is not supported");
}

}  // namespace

ProcessConfig read_process(const Field& field) {
  ProcessConfig result;
  launch::Process& process = result.process;
  process.args = field["args"].texts();
  if (process.args.empty()) field["args"].refuse("the program to run must be there");
  process.env = field["env"].texts();
  process.cwd = field["cwd"].required_text();
  if (process.cwd[0] != '/') field["cwd"].refuse("it must be an absolute path");
  process.new_session = true;
  read_user(field["user"], process);
  result.terminal = field["terminal"].flag();
  const Field size = field["consoleSize"];
  result.size = {size["height"].number<std::uint16_t>().value_or(0), size["width"].number<std::uint16_t>().value_or(0)};
  if (field["capabilities"]) read_all_capabilities(field["capabilities"], result.confine);
  if (!field["capabilities"]) result.confine.capabilities.emplace();  // none, as runc has it
  read_rlimits(field["rlimits"], result.confine);
  result.confine.no_new_privileges = field["noNewPrivileges"].flag();
  result.confine.oom_score_adj = field["oomScoreAdj"].number<int>();
  refuse_modules(field);
  return result;
}

}  // namespace coracle::oci
