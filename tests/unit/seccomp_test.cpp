// From a profile to a filter: read as docker has it, compiled, the same as libseccomp's own, and kept.
#include <csignal>
#include <cstring>
#include <fstream>
#include <random>

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/credentials.hpp"
#include "kernel/error.hpp"
#include "kernel/probe.hpp"
#include "kernel/recorder.hpp"
#include "parts/confine/filter.hpp"
#include "parts/confine/filter_cache.hpp"
#include "parts/confine/seccomp.hpp"
#include "support/support.hpp"

using namespace coracle;
using kernel::Error;
using parts::SeccompArg;
using parts::SeccompFilter;
using parts::SeccompProfile;

namespace {

constexpr kernel::Capabilities kDefault = 0xa80425fb;
constexpr kernel::Capabilities kSysAdmin = kernel::Capabilities{1} << 21U;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kForbid = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kNoSuchCall = SECCOMP_RET_ERRNO | ENOSYS;

// What the filter returns: the machine that seccomp(2) runs it on, as far as filters use it.
std::uint32_t verdict(const kernel::FilterProgram& program, const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    const auto jump = [&](bool condition) { at += condition ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + step.k, sizeof a);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(a == step.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        jump(a > step.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(a >= step.k);
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        FAIL("an instruction that filters do not have: " << step.code);
    }
  }
  FAIL("the filter has no end");
  return 0;
}

seccomp_data call(std::uint32_t arch, std::uint32_t number, const std::vector<std::uint64_t>& arguments = {}) {
  seccomp_data data{};
  data.arch = arch;
  data.nr = static_cast<int>(number);
  for (std::size_t i = 0; i < arguments.size(); ++i) data.args[i] = arguments[i];
  return data;
}

SeccompProfile docker_default(kernel::Capabilities bounding = kDefault) {
  return parts::read_docker_profile(parts::kDockerProfile, bounding);
}

std::string refused(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "it was taken";
}

bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

SeccompProfile allow_all_but(const std::string& name, const std::string& action, std::vector<SeccompArg> args = {}) {
  SeccompProfile profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.syscalls = {{{name}, action, std::nullopt, std::move(args)}};
  return profile;
}

}  // namespace

#if defined(__x86_64__)

TEST_CASE("our filter says what libseccomp's own says, for every number and many arguments") {
  std::mt19937 random(1);  // the same arguments in every run
  const std::vector<std::uint64_t> interesting = {
      0, 1, 2, 3, 8, 38, 39, 40, 41, 0x20000, 0x20008, 0xffffffff, 0x7e020000, 0x10000000, 1ULL << 32U};
  for (const kernel::Capabilities bounding : {kDefault, kDefault | kSysAdmin, kernel::Capabilities{0}}) {
    const SeccompProfile profile = docker_default(bounding);
    const SeccompFilter ours = parts::compile(profile);
    const SeccompFilter plain = parts::compile_plainly(profile);
    CHECK(ours.program.size() * 5 < plain.program.size() * 2);
    const auto check = [&](const seccomp_data& data) {
      const std::uint32_t expected = verdict(plain.program, data);
      const std::uint32_t got = verdict(ours.program, data);
      // What is newer than the profile is the one thing that we answer differently.
      const auto number = static_cast<std::uint32_t>(data.nr);
      const bool newer = (number & 0xbfffffff) > 440 || (data.arch == AUDIT_ARCH_I386 && number >= 0x40000000);
      if (got == expected || (newer && expected == kForbid && got == kNoSuchCall)) return;
      FAIL_CHECK(fmt::format("arch {:#x} nr {:#x} args {:#x} {:#x}: {:#x}, and libseccomp says {:#x}", data.arch,
                             static_cast<std::uint32_t>(data.nr), data.args[0], data.args[1], got, expected));
    };
    for (const std::uint32_t arch :
         std::vector<std::uint32_t>{AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64}) {
      for (const std::uint32_t base : {0U, 0x40000000U}) {
        for (std::uint32_t number = 0; number < 700; ++number) {
          check(call(arch, base + number));
          for (int round = 0; round < 20; ++round) {
            std::vector<std::uint64_t> arguments;
            for (int i = 0; i < 6; ++i) arguments.push_back(interesting[random() % interesting.size()]);
            check(call(arch, base + number, arguments));
          }
        }
      }
    }
  }
}

TEST_CASE("docker's profile allows what programs use and forbids what reaches the host") {
  const kernel::FilterProgram filter = parts::compile(docker_default()).program;
  const auto native = [&](std::uint32_t number, const std::vector<std::uint64_t>& arguments = {}) {
    return verdict(filter, call(AUDIT_ARCH_X86_64, number, arguments));
  };
  for (const int number : {SYS_read, SYS_execve, SYS_chroot, SYS_mknod, SYS_openat2, SYS_ptrace, SYS_setuid})
    CHECK(native(static_cast<std::uint32_t>(number)) == kAllow);
  for (const int number : {SYS_mount, SYS_umount2, SYS_keyctl, SYS_add_key, SYS_bpf, SYS_unshare, SYS_setns, SYS_reboot,
                           SYS_init_module, SYS_kexec_load, SYS_open_by_handle_at, SYS_perf_event_open, SYS_swapon})
    CHECK(native(static_cast<std::uint32_t>(number)) == kForbid);
  CHECK(native(SYS_socket, {AF_INET}) == kAllow);
  CHECK(native(SYS_socket, {AF_ALG}) == kForbid);
  CHECK(native(SYS_socket, {AF_VSOCK}) == kForbid);
  CHECK(native(SYS_clone, {SIGCHLD}) == kAllow);
  CHECK(native(SYS_clone, {CLONE_NEWUSER | SIGCHLD}) == kForbid);
  CHECK(native(SYS_clone3) == kNoSuchCall);
  CHECK(native(100000) == kNoSuchCall);
  CHECK(verdict(filter, call(AUDIT_ARCH_AARCH64, 0)) == SECCOMP_RET_KILL_THREAD);
}

TEST_CASE("x32 is answered as a kernel without it answers, unless a profile asks for it") {
  const std::uint32_t read = 0x40000000U + SYS_read;
  parts::ConfineOptions options;
  options.seccomp = parts::DockerProfile{};
  CHECK(verdict(parts::find_filter(options)->program, call(AUDIT_ARCH_X86_64, read)) == kNoSuchCall);
  options.seccomp = parts::DockerProfile{parts::kDockerProfile};
  CHECK(verdict(parts::find_filter(options)->program, call(AUDIT_ARCH_X86_64, read)) == kAllow);
}

#endif

TEST_CASE("a rule of docker's holds for some capabilities, machines and kernels") {
  utsname name{};
  uname(&name);
  const std::string machine = name.machine == std::string("x86_64") ? "amd64" : "arm64";
  const auto rules = [&](const std::string& filter) {
    const std::string text = R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], )"
                             R"("action": "SCMP_ACT_ALLOW", )" +
                             filter + "}]}";
    return parts::read_docker_profile(text, kDefault).syscalls.size();
  };
  CHECK(rules(R"("comment": "")") == 1);
  CHECK(rules(R"("includes": {}, "excludes": null)") == 1);
  CHECK(rules(R"("includes": {"caps": ["CAP_CHOWN", "CAP_KILL"]})") == 1);
  CHECK(rules(R"("includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]})") == 0);
  CHECK(rules(R"("excludes": {"caps": ["CAP_SYS_ADMIN"]})") == 1);
  CHECK(rules(R"("excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_CHOWN"]})") == 0);
  CHECK(rules(R"("includes": {"caps": ["CAP_OF_TOMORROW"]})") == 0);
  CHECK(rules(R"("includes": {"arches": ["s390x", ")" + machine + R"("]})") == 1);
  CHECK(rules(R"("includes": {"arches": ["s390x"]})") == 0);
  CHECK(rules(R"("excludes": {"arches": [")" + machine + R"("]})") == 0);
  CHECK(rules(R"("includes": {"minKernel": "4.8"})") == 1);
  CHECK(rules(R"("includes": {"minKernel": "99.0"})") == 0);
  CHECK(rules(R"("excludes": {"minKernel": "99.0"})") == 1);
  CHECK(rules(R"("excludes": {"minKernel": "4.8"})") == 0);
  CHECK(tells(refused([&] { rules(R"("includes": {"minKernel": "new"})"); }), "minKernel \"new\""));
}

TEST_CASE("a profile that is wrong is an error that names the place") {
  const auto error = [](const std::string& text) {
    return refused([&] { parts::compile(parts::read_docker_profile(text, kDefault)); });
  };
  CHECK(tells(error("{"), "parse error"));
  CHECK(tells(error("[]"), "seccomp profile"));
  CHECK(tells(error("{}"), "defaultAction"));
  CHECK(tells(error(R"({"defaultAction": "SCMP_ACT_FLY"})"), "SCMP_ACT_FLY"));
  CHECK(tells(error(R"({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})"), "errnoRet"));
  CHECK(tells(error(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x86"]})"), "\"x86\""));
  CHECK(tells(error(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["FAST"]})"), "FAST"));
  CHECK(tells(error(R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x"})"), "listenerPath /run/x"));
  const auto rule = [&](const std::string& rest) {
    return error(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], )" + rest + "}]}");
  };
  CHECK(tells(rule(R"("action": "SCMP_ACT_NOTIFY")"), "SCMP_ACT_NOTIFY"));
  CHECK(tells(rule(R"("action": 7)"), "/syscalls/0/action"));
  CHECK(tells(rule(R"("action": "SCMP_ACT_ERRNO", "errnoRet": 70000)"), "70000"));
  CHECK(tells(rule(R"("action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}])"),
              "argument 6"));
  CHECK(tells(rule(R"("action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 0, "op": "LIKE"}])"), "LIKE"));
  CHECK(error(R"({"defaultAction": "SCMP_ACT_ALLOW"})") == "it was taken");
}

TEST_CASE("a filter forbids what its profile forbids, in the kernel") {
  SeccompProfile profile = allow_all_but("getpriority", "SCMP_ACT_ERRNO", {{0, 7, 0, "SCMP_CMP_EQ"}});
  profile.syscalls[0].errno_ret = EXDEV;
  const SeccompFilter filter = parts::compile(profile);
  const kernel::Failure failure = kernel::probe(0, [&] {
    kernel::set_no_new_privileges();
    kernel::seccomp_set_filter(filter.program, filter.flags);
    if (syscall(SYS_getpriority, 0, 0) < 0) throw Error("getpriority was forbidden with 0", errno);
    if (syscall(SYS_getpriority, 7, 0) != -1 || errno != EXDEV) throw Error("getpriority was allowed with 7", errno);
  });
  if (failure) FAIL_CHECK(failure->what());
}

TEST_CASE("arguments are compared as the runtime-spec says, all of them, or one of those with the same index") {
  const auto says = [](std::vector<SeccompArg> args, const std::vector<std::uint64_t>& given) {
    const SeccompFilter filter = parts::compile(allow_all_but("ioctl", "SCMP_ACT_LOG", std::move(args)));
    return verdict(filter.program, call(AUDIT_ARCH_X86_64, SYS_ioctl, given)) == SECCOMP_RET_LOG;
  };
  CHECK(says({{1, 5, 0, "SCMP_CMP_EQ"}}, {0, 5}));
  CHECK_FALSE(says({{1, 5, 0, "SCMP_CMP_EQ"}}, {0, 6}));
  CHECK(says({{1, 5, 0, "SCMP_CMP_NE"}}, {0, 6}));
  CHECK(says({{1, 5, 0, "SCMP_CMP_GE"}}, {0, 5}));
  CHECK_FALSE(says({{1, 5, 0, "SCMP_CMP_LT"}}, {0, 5}));
  CHECK(says({{1, 0xf0, 0x30, "SCMP_CMP_MASKED_EQ"}}, {0, 0x3c}));
  CHECK_FALSE(says({{1, 0xf0, 0x30, "SCMP_CMP_MASKED_EQ"}}, {0, 0x4c}));
  CHECK_FALSE(says({{0, 1, 0, "SCMP_CMP_EQ"}, {1, 2, 0, "SCMP_CMP_EQ"}}, {1, 3}));
  CHECK(says({{0, 1, 0, "SCMP_CMP_EQ"}, {1, 2, 0, "SCMP_CMP_EQ"}}, {1, 2}));
  CHECK(says({{1, 1, 0, "SCMP_CMP_EQ"}, {1, 2, 0, "SCMP_CMP_EQ"}}, {0, 2}));
}

TEST_CASE("a filter that is kept comes back the same, and only for the same inputs") {
  const test::TemporaryDirectory directory;
  const std::string cache = directory.path() + "/made/for/it";
  const SeccompFilter filter = parts::compile(allow_all_but("read", "SCMP_ACT_TRAP"));
  CHECK_FALSE(parts::cached_filter(cache, "inputs"));
  parts::cache_filter(cache, "inputs", filter);
  struct stat status {};
  REQUIRE(stat(cache.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  const auto back = parts::cached_filter(cache, "inputs");
  REQUIRE(back);
  REQUIRE(back->program.size() == filter.program.size());
  CHECK(std::memcmp(back->program.data(), filter.program.data(), filter.program.size() * sizeof(sock_filter)) == 0);
  CHECK_FALSE(parts::cached_filter(cache, "inputz"));
  CHECK(parts::unpacked(parts::packed(filter, "a"), "a"));
  CHECK_FALSE(parts::unpacked(parts::packed(filter, "a"), "b"));
}

TEST_CASE("a cache that is damaged, or that others may write, is not used and is no error") {
  const test::TemporaryDirectory directory;
  const std::string cache = directory.path() + "/cache";
  const SeccompFilter filter = parts::compile(allow_all_but("read", "SCMP_ACT_TRAP"));
  parts::cache_filter(cache, "inputs", filter);
  std::string bytes = parts::packed(filter, "inputs");
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    INFO(at);
    CHECK_FALSE(parts::unpacked(damaged, "inputs"));
    CHECK_FALSE(parts::unpacked(bytes.substr(0, at), "inputs"));
  }
  chmod(cache.c_str(), 0777);
  CHECK_FALSE(parts::cached_filter(cache, "inputs"));
  chmod(cache.c_str(), 0700);
  CHECK(parts::cached_filter(cache, "inputs"));
  if (geteuid() == 0) {
    REQUIRE(chown(cache.c_str(), 65534, 65534) == 0);
    CHECK_FALSE(parts::cached_filter(cache, "inputs"));
  }
  parts::cache_filter("/proc/not/writable", "inputs", filter);
  CHECK_FALSE(parts::cached_filter("/proc/not/writable", "inputs"));
}

TEST_CASE("a cache does not grow without end") {
  const test::TemporaryDirectory directory;
  const SeccompFilter filter = parts::compile(allow_all_but("read", "SCMP_ACT_TRAP"));
  for (int i = 0; i < 200; ++i) parts::cache_filter(directory.path(), std::to_string(i), filter);
  CHECK(parts::cached_filter(directory.path(), "199"));
  CHECK(std::stoi(test::run({"sh", "-c", "ls " + directory.path() + " | wc -l"}).out) <= 64);
}

TEST_CASE("the filter of a container depends on all that its profile depends on") {
  const test::TemporaryDirectory directory;
  parts::ConfineOptions options;
  options.cache_dir = directory.path();
  options.seccomp = parts::DockerProfile{};
  options.capabilities = parts::docker_capabilities({}, {});
  const std::size_t usual = parts::find_filter(options)->program.size();
  options.capabilities = parts::docker_capabilities({"SYS_ADMIN"}, {});
  CHECK(parts::find_filter(options)->program.size() != usual);
  options.capabilities = parts::docker_capabilities({}, {});
  CHECK(parts::find_filter(options)->program.size() == usual);
  SeccompProfile profile = allow_all_but("read", "SCMP_ACT_TRAP");
  profile.flags = {"SECCOMP_FILTER_FLAG_LOG"};
  options.seccomp = profile;
  CHECK(parts::find_filter(options)->flags == SECCOMP_FILTER_FLAG_LOG);
  CHECK(parts::find_filter(options)->flags == SECCOMP_FILTER_FLAG_LOG);  // now from the cache
  options.seccomp = std::monostate{};
  CHECK_FALSE(parts::find_filter(options));
}
