// Capabilities, users, limits and keys: what the wrappers change in a process, seen in /proc and by the kernel's
// answers.
#include <fstream>

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/capability.hpp"
#include "kernel/credentials.hpp"
#include "kernel/keyring.hpp"
#include "kernel/probe.hpp"
#include "kernel/recorder.hpp"
#include "kernel/rlimit.hpp"
#include "support/support.hpp"

using namespace coracle;
using kernel::Capabilities;
using kernel::Error;

namespace {

constexpr Capabilities bit(int number) { return Capabilities{1} << static_cast<unsigned>(number); }

// The line of our own /proc/self/status, without its name.
std::string status(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":\t", 0) == 0) return line.substr(name.size() + 2);
  }
  return "";
}

void expect(const std::string& name, const std::string& value) {
  if (status(name) != value) throw Error(name + " is " + status(name) + " and not " + value, 0);
}

std::string hex(Capabilities set) { return fmt::format("{:016x}", set); }

// Each in a child of its own: what these calls change, nothing changes back.
void in_child(const std::function<void()>& deed) {
  if (const kernel::Failure failure = kernel::probe(0, deed)) FAIL_CHECK(failure->what());
}

}  // namespace

TEST_CASE("every capability has a number and a name, and the numbers are the kernel's") {
  CHECK(kernel::capability_number("CAP_CHOWN") == CAP_CHOWN);
  CHECK(kernel::capability_number("net_raw") == CAP_NET_RAW);
  CHECK(kernel::capability_number("Cap_Sys_Admin") == CAP_SYS_ADMIN);
  CHECK(kernel::capability_number("AUDIT_READ") == CAP_AUDIT_READ);
  CHECK(kernel::capability_number("CHECKPOINT_RESTORE") == 40);
  CHECK_FALSE(kernel::capability_number("CAP_"));
  CHECK_FALSE(kernel::capability_number(""));
  CHECK_FALSE(kernel::capability_number("CAP_CAP_CHOWN"));
  CHECK(kernel::capability_name(CAP_SETFCAP) == "CAP_SETFCAP");
  CHECK(kernel::capability_name(63) == "63");
  const std::string last = kernel::read_file("/proc/sys/kernel/cap_last_cap");
  CHECK(kernel::known_capabilities() == bit(std::stoi(last) + 1) - 1);
}

TEST_CASE("the sets of a thread are those that were set") {
  in_child([] {
    const Capabilities some = bit(CAP_CHOWN) | bit(CAP_SETPCAP) | bit(CAP_NET_ADMIN);
    kernel::limit_bounding_set(some);
    expect("CapBnd", hex(some & kernel::capget().permitted));
    kernel::capset({bit(CAP_CHOWN), some, bit(CAP_NET_ADMIN)});
    expect("CapEff", hex(bit(CAP_CHOWN)));
    expect("CapPrm", hex(some));
    expect("CapInh", hex(bit(CAP_NET_ADMIN)));
    if (kernel::capget().effective != bit(CAP_CHOWN)) throw Error("capget says something else", 0);
    kernel::set_ambient(bit(CAP_NET_ADMIN));
    expect("CapAmb", hex(bit(CAP_NET_ADMIN)));
    kernel::set_ambient(0);
    expect("CapAmb", hex(0));
  });
}

TEST_CASE("a change of user takes the capabilities away, or keeps the permitted ones") {
  in_child([] {
    kernel::setgroups({7, 8});
    kernel::setresgid(9);
    kernel::setresuid(1000);
    expect("Uid", "1000\t1000\t1000\t1000");
    expect("Gid", "9\t9\t9\t9");
    expect("Groups", "7 8 ");
    expect("CapPrm", hex(0));
  });
  in_child([] {
    const Capabilities permitted = kernel::capget().permitted;
    kernel::keep_capabilities();
    kernel::setresuid(1000);
    expect("CapPrm", hex(permitted));
    expect("CapEff", hex(0));
  });
}

TEST_CASE("no new privileges can be seen, and a user without root cannot change the user") {
  in_child([] {
    kernel::set_no_new_privileges();
    expect("NoNewPrivs", "1");
    kernel::setresuid(1000);
    try {
      kernel::setresuid(0);
    } catch (const Error& error) {
      if (error.code() == EPERM) return;
    }
    throw Error("a user became root again", 0);
  });
}

TEST_CASE("a limit can be lowered, and raising it without the capability is a clear error") {
  CHECK(kernel::rlimit_number("nofile") == RLIMIT_NOFILE);
  CHECK(kernel::rlimit_number("RLIMIT_RTTIME") == RLIMIT_RTTIME);
  CHECK_FALSE(kernel::rlimit_number("files"));
  CHECK(kernel::rlimit_name(RLIMIT_STACK) == "RLIMIT_STACK");
  in_child([] {
    kernel::setrlimit(RLIMIT_NOFILE, 20, 30);
    rlimit now{};
    getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_cur != 20 || now.rlim_max != 30) throw Error("the limits are others", 0);
    kernel::CapabilitySets sets = kernel::capget();
    sets.effective = sets.permitted &= ~bit(CAP_SYS_RESOURCE);
    kernel::capset(sets);
    try {
      kernel::setrlimit(RLIMIT_NOFILE, 20, 31);
    } catch (const Error& error) {
      const std::string text = error.what();
      if (error.code() != EPERM || text.find("RLIMIT_NOFILE soft=20 hard=31") == std::string::npos ||
          text.find("30 here") == std::string::npos || text.find("CAP_SYS_RESOURCE") == std::string::npos)
        throw Error("the error does not tell: " + text, 0);
      return;
    }
    throw Error("the limit was raised", 0);
  });
}

TEST_CASE("a new session keyring is another one, and empty") {
  const auto session = [] { return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0); };
  if (session() < 0 && errno == ENOSYS) SKIP_WITHOUT("keys in the kernel");
  in_child([&] {
    const long before = session();
    if (!kernel::join_new_session_keyring()) throw Error("there is no new keyring", 0);
    if (session() == before) throw Error("the keyring is the same", 0);
    if (syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, nullptr, 0) != 0) throw Error("it is not empty", 0);
  });
}
