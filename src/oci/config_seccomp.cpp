// "linux.seccomp" of config.json (runtime-spec config-linux.md, "Seccomp").
#include "oci/config_sections.hpp"

namespace coracle::oci {
namespace {

parts::SeccompArg read_argument(const Field& field) {
  parts::SeccompArg argument;
  argument.index = field["index"].number<std::uint32_t>().value_or(0);
  argument.value = field["value"].number<std::uint64_t>().value_or(0);
  argument.value_two = field["valueTwo"].number<std::uint64_t>().value_or(0);
  argument.op = field["op"].required_text();
  return argument;
}

parts::SeccompRule read_rule(const Field& field) {
  parts::SeccompRule rule;
  rule.names = field["names"].texts();
  if (rule.names.empty()) field["names"].refuse("a rule needs the name of a system call");
  rule.action = field["action"].required_text();
  rule.errno_ret = field["errnoRet"].number<unsigned>();
  field["args"].each([&](const Field& argument) { rule.args.push_back(read_argument(argument)); });
  return rule;
}

}  // namespace

void read_seccomp(const Field& seccomp, parts::ConfineOptions& confine) {
  if (!seccomp) return;
  parts::SeccompProfile profile;
  profile.default_action = seccomp["defaultAction"].required_text();
  profile.default_errno_ret = seccomp["defaultErrnoRet"].number<unsigned>();
  profile.architectures = seccomp["architectures"].texts();
  profile.flags = seccomp["flags"].texts();
  profile.listener_path = seccomp["listenerPath"].text();
  seccomp["syscalls"].each([&](const Field& rule) { profile.syscalls.push_back(read_rule(rule)); });
  confine.seccomp = std::move(profile);
}

}  // namespace coracle::oci
