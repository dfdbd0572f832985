#include "kernel/capability.hpp"

#include <cctype>
#include <iterator>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// In the order of their numbers.
constexpr const char* kNames[] = {"CHOWN",
                                  "DAC_OVERRIDE",
                                  "DAC_READ_SEARCH",
                                  "FOWNER",
                                  "FSETID",
                                  "KILL",
                                  "SETGID",
                                  "SETUID",
                                  "SETPCAP",
                                  "LINUX_IMMUTABLE",
                                  "NET_BIND_SERVICE",
                                  "NET_BROADCAST",
                                  "NET_ADMIN",
                                  "NET_RAW",
                                  "IPC_LOCK",
                                  "IPC_OWNER",
                                  "SYS_MODULE",
                                  "SYS_RAWIO",
                                  "SYS_CHROOT",
                                  "SYS_PTRACE",
                                  "SYS_PACCT",
                                  "SYS_ADMIN",
                                  "SYS_BOOT",
                                  "SYS_NICE",
                                  "SYS_RESOURCE",
                                  "SYS_TIME",
                                  "SYS_TTY_CONFIG",
                                  "MKNOD",
                                  "LEASE",
                                  "AUDIT_WRITE",
                                  "AUDIT_CONTROL",
                                  "SETFCAP",
                                  "MAC_OVERRIDE",
                                  "MAC_ADMIN",
                                  "SYSLOG",
                                  "WAKE_ALARM",
                                  "BLOCK_SUSPEND",
                                  "AUDIT_READ",
                                  "PERFMON",
                                  "BPF",
                                  "CHECKPOINT_RESTORE"};

constexpr int kMost = 64;

Capabilities bit(int number) { return Capabilities{1} << static_cast<unsigned>(number); }

// The kernel takes 64 bits as two halves.
constexpr std::uint32_t low(Capabilities set) { return static_cast<std::uint32_t>(set); }
constexpr std::uint32_t high(Capabilities set) { return static_cast<std::uint32_t>(set >> 32U); }
constexpr Capabilities joined(std::uint32_t low_half, std::uint32_t high_half) {
  return low_half | Capabilities{high_half} << 32U;
}

}  // namespace

std::optional<int> capability_number(const std::string& name) {
  std::string upper;
  for (const char letter : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (upper.rfind("CAP_", 0) == 0) upper.erase(0, 4);
  for (std::size_t number = 0; number < std::size(kNames); ++number) {
    if (upper == kNames[number]) return static_cast<int>(number);
  }
  return std::nullopt;
}

std::string capability_name(int number) {
  const auto index = static_cast<std::size_t>(number);
  return index < std::size(kNames) ? std::string("CAP_") + kNames[index] : std::to_string(number);
}

Capabilities known_capabilities() {
  // The bounding set can be asked for a capability that is not in it; EINVAL ends the list (capabilities(7)).
  int last = static_cast<int>(std::size(kNames)) - 1;
  while (last > 0 && prctl(PR_CAPBSET_READ, last) < 0) --last;
  while (last + 1 < kMost && prctl(PR_CAPBSET_READ, last + 1) >= 0) ++last;
  return last + 1 == kMost ? ~Capabilities{0} : bit(last + 1) - 1;
}

CapabilitySets capget() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  attempt([&] { return syscall(SYS_capget, &header, data); }, "capget");
  return {joined(data[0].effective, data[1].effective), joined(data[0].permitted, data[1].permitted),
          joined(data[0].inheritable, data[1].inheritable)};
}

void capset(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct data[2] = {{low(sets.effective), low(sets.permitted), low(sets.inheritable)},
                                          {high(sets.effective), high(sets.permitted), high(sets.inheritable)}};
  attempt([&] { return syscall(SYS_capset, &header, data); }, "capset effective={:#x} permitted={:#x}", sets.effective,
          sets.permitted);
}

void limit_bounding_set(Capabilities kept) {
  // One call for each; a number that the kernel does not know ends the list (EINVAL).
  for (int number = 0; number < kMost; ++number) {
    if ((kept & bit(number)) != 0 || prctl(PR_CAPBSET_DROP, number) == 0) continue;
    if (errno == EINVAL) return;
    throw Error("prctl PR_CAPBSET_DROP " + capability_name(number), errno);
  }
}

void set_ambient(Capabilities ambient) {
  attempt([] { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); }, "prctl PR_CAP_AMBIENT_CLEAR_ALL");
  for (int number = 0; number < kMost; ++number) {
    if ((ambient & bit(number)) == 0) continue;
    attempt([&] { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0); }, "prctl PR_CAP_AMBIENT_RAISE {}",
            capability_name(number));
  }
}

}  // namespace coracle::kernel
