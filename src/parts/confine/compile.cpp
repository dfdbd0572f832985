// From a profile to a filter, with libseccomp (seccomp_rule_add(3)) for whatever looks at arguments.
//
// Most rules say yes or no to a number. libseccomp makes a comparison of each of them, and for docker's default
// profile a filter of 1,200 instructions, which takes the kernel 0.19 ms to check, translate and load, at every start.
// But the numbers that are allowed stand side by side: as a search among ranges (number_tree.hpp) the same filter has
// 300 and takes 0.07 ms. So libseccomp is asked for the calls whose arguments matter, once for each architecture, and
// our search goes there for these:
//
//     which architecture?  -- none of ours --> kill
//       which range has the number?  -- yes / no / newer than the profile: ENOSYS
//         libseccomp's program for the rest
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "parts/confine/number_tree.hpp"
#include "parts/confine/seccomp_words.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::FilterProgram;

constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kNoSuchCall = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kLargestTable = 8192;  // MIPS, whose numbers begin at 4000, 5000 and 6000

bool forbids(std::uint32_t action) {
  const std::uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
  return kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE;
}

// A rule with its words as numbers.
struct Rule {
  std::uint32_t action;
  std::vector<std::string> names;
  std::vector<std::vector<scmp_arg_cmp>> alternatives;  // one of these must hold whole; an empty one always does
};

Rule numbers_of(const SeccompRule& rule) {
  Rule result{seccomp_action(rule.action, rule.errno_ret), rule.names, {{}}};
  std::set<unsigned> indices;
  for (const SeccompArg& arg : rule.args) indices.insert(arg.index);
  // As runc has it: libseccomp takes each argument once in a rule, so a second time makes every one a rule of its own.
  const bool either = indices.size() < rule.args.size();
  if (either) result.alternatives.clear();
  for (const SeccompArg& arg : rule.args) {
    if (either) result.alternatives.emplace_back();
    result.alternatives.back().push_back(seccomp_comparison(arg));
  }
  return result;
}

struct Rules {
  std::uint32_t default_action;
  std::vector<Rule> rules;
  std::vector<std::uint32_t> architectures;
};

Rules numbers_of(const SeccompProfile& profile) {
  if (!profile.listener_path.empty()) {
    throw Error("read the seccomp profile: listenerPath " + profile.listener_path, ENOTSUP,
                "coracle does not serve listeners; leave it out, with the rules of SCMP_ACT_NOTIFY");
  }
  Rules rules{seccomp_action(profile.default_action, profile.default_errno_ret), {}, seccomp_architectures(profile)};
  for (const SeccompRule& rule : profile.syscalls) rules.rules.push_back(numbers_of(rule));
  return rules;
}

void check(int result, const std::string& what) {
  if (result < 0) throw Error("libseccomp: " + what, -result);
}

// A filter that libseccomp is making.
class Library {
 public:
  Library(std::uint32_t default_action, const std::vector<std::uint32_t>& architectures)
      : default_action_(default_action), context_(seccomp_init(default_action), seccomp_release) {
    if (!context_) throw Error("libseccomp: seccomp_init", EINVAL);
    for (const std::uint32_t token : architectures) {
      if (token != seccomp_arch_native()) check(seccomp_arch_add(context_.get(), token), "seccomp_arch_add");
    }
    const auto native = seccomp_arch_native();
    if (std::find(architectures.begin(), architectures.end(), native) == architectures.end())
      check(seccomp_arch_remove(context_.get(), native), "seccomp_arch_remove");
    // 2 is a binary tree of the numbers. Versions before 2.5 do not have it, and make a longer filter.
    seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }

  // A name that it does not know is no call of this machine, or a newer one: it stays with the default action.
  void add(const Rule& rule, const std::string& name) {
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR || rule.action == default_action_) return;  // it refuses a rule that changes nothing
    for (const auto& comparisons : rule.alternatives) {
      check(seccomp_rule_add_array(context_.get(), rule.action, number, static_cast<unsigned>(comparisons.size()),
                                   comparisons.data()),
            "seccomp_rule_add " + name);
    }
  }

  FilterProgram program() const {
    const kernel::Fd file(kernel::attempt([] { return memfd_create("seccomp", MFD_CLOEXEC); }, "memfd_create seccomp"));
    check(seccomp_export_bpf(context_.get(), file.get()), "seccomp_export_bpf");
    const off_t size = lseek(file.get(), 0, SEEK_END);
    FilterProgram program(static_cast<std::size_t>(size) / sizeof(sock_filter));
    kernel::attempt([&] { return pread(file.get(), program.data(), static_cast<std::size_t>(size), 0); }, "pread");
    return program;
  }

 private:
  std::uint32_t default_action_;
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
};

// One architecture's part of the filter.
class Architecture {
 public:
  Architecture(const Rules& rules, std::uint32_t token) : rules_(rules), token_(token) {
    find_asked();
    find_verdicts();
  }

  // x32 is told from x86_64 by a bit of the number alone.
  std::uint32_t audit() const { return token_ == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token_; }
  bool is_x32() const { return token_ == SCMP_ARCH_X32; }

  // What becomes of each number; `ask` stands for libseccomp's program.
  std::vector<Range> ranges(std::uint32_t ask) const {
    std::vector<Range> ranges;
    std::uint32_t next = is_x32() ? kX32Bit : 0;
    const auto add = [&](std::uint32_t first, const Verdict& verdict) {
      if (ranges.empty() || !(ranges.back().verdict == verdict)) ranges.push_back({first, verdict});
    };
    for (const auto& [number, verdict] : verdicts_) {
      if (number > next) add(next, {rules_.default_action, kReturn});
      add(number, verdict.program == kReturn ? verdict : Verdict{0, ask});
      next = number + 1;
    }
    // What is newer than the profile was not forbidden by whoever wrote it: say that there is no such call, and the C
    // library takes the older one (runc: libcontainer/seccomp/patchbpf).
    const bool newer = !verdicts_.empty() && forbids(rules_.default_action);
    add(next, {newer ? kNoSuchCall : rules_.default_action, kReturn});
    return ranges;
  }

  FilterProgram asked_program() const {
    Library library(rules_.default_action, {token_});
    for (const Rule& rule : rules_.rules) {
      for (const std::string& name : rule.names) {
        if (asked_.count(name) != 0) library.add(rule, name);
      }
    }
    return library.program();
  }

 private:
  int number_of(const std::string& name) const { return seccomp_syscall_resolve_name_arch(token_, name.c_str()); }

  // On some machines socket(2) and its like are also arguments of one call, socketcall(2); libseccomp has negative
  // numbers for these.
  static bool is_multiplexed(int number) { return number <= -100 && number > -300; }

  void find_asked() {
    std::map<std::string, std::set<std::uint32_t>> actions;
    for (const Rule& rule : rules_.rules) {
      for (const std::string& name : rule.names) {
        actions[name].insert(rule.action);
        if (!rule.alternatives.front().empty() || is_multiplexed(number_of(name))) asked_.insert(name);
        if (is_multiplexed(number_of(name))) asked_.insert({"socketcall", "ipc"});
      }
    }
    for (const auto& [name, different] : actions) {
      if (different.size() > 1) asked_.insert(name);
    }
  }

  void find_verdicts() {
    for (const Rule& rule : rules_.rules) {
      for (const std::string& name : rule.names) {
        const int number = number_of(name);
        const bool asked = asked_.count(name) != 0;
        if (number >= 0) verdicts_[static_cast<std::uint32_t>(number)] = {rule.action, asked ? 0 : kReturn};
      }
    }
    // The numbers of asked names that resolve to something else, and of those that no rule names.
    const std::uint32_t begin = is_x32() ? kX32Bit : 0;
    for (std::uint32_t number = begin; !asked_.empty() && number < begin + kLargestTable; ++number) {
      char* name = seccomp_syscall_resolve_num_arch(token_, static_cast<int>(number));
      if (name != nullptr && asked_.count(name) != 0) verdicts_[number] = {0, 0};
      free(name);
    }
  }

  const Rules& rules_;
  std::uint32_t token_;
  std::set<std::string> asked_;
  std::map<std::uint32_t, Verdict> verdicts_;
};

}  // namespace

SeccompFilter compile(const SeccompProfile& profile) {
  const Rules rules = numbers_of(profile);
  FilterAssembly assembly;
  std::map<std::uint32_t, std::vector<Range>> ranges;
  for (const std::uint32_t token : rules.architectures) {
    const Architecture architecture(rules, token);
    const std::uint32_t ask = assembly.add_program(architecture.asked_program());
    std::vector<Range>& all = ranges[architecture.audit()];
    const std::vector<Range> more = architecture.ranges(ask);
    all.insert(all.end(), more.begin(), more.end());
    // A kernel without x32 answers so, too.
    if (token == SCMP_ARCH_X86_64 && std::find(rules.architectures.begin(), rules.architectures.end(),
                                               std::uint32_t{SCMP_ARCH_X32}) == rules.architectures.end())
      all.push_back({kX32Bit, {kNoSuchCall, kReturn}});
  }
  for (auto& [audit, all] : ranges) {
    std::sort(all.begin(), all.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
    assembly.add_architecture(audit, all);
  }
  return {assembly.assemble(), seccomp_flags(profile.flags)};
}

SeccompFilter compile_plainly(const SeccompProfile& profile) {
  const Rules rules = numbers_of(profile);
  Library library(rules.default_action, rules.architectures);
  for (const Rule& rule : rules.rules) {
    for (const std::string& name : rule.names) library.add(rule, name);
  }
  return {library.program(), seccomp_flags(profile.flags)};
}

}  // namespace coracle::parts
