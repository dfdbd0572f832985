#include "kernel/pty.hpp"

#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

Pty open_pty(const Fd& devpts) {
  Pty pty;
  pty.master = openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW);
  const int unlocked = 0;
  attempt([&] { return ioctl(pty.master.get(), TIOCSPTLCK, &unlocked); }, "ioctl TIOCSPTLCK 0");
  unsigned number = 0;
  attempt([&] { return ioctl(pty.master.get(), TIOCGPTN, &number); }, "ioctl TIOCGPTN");
  pty.name = fmt::format("/dev/pts/{}", number);
  pty.slave = find_slave(pty.master);
  if (!pty.slave) throw Error("ioctl TIOCGPTPEER of " + pty.name, errno);
  return pty;
}

Fd find_slave(const Fd& master) {
  constexpr unsigned long flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  return Fd(note_call([&] { return ioctl(master.get(), TIOCGPTPEER, flags); }, "ioctl TIOCGPTPEER"));
}

bool is_devpts(const Fd& directory) {
  struct statfs status {};
  attempt([&] { return fstatfs(directory.get(), &status); }, "fstatfs fd {}", directory.get());
  return status.f_type == DEVPTS_SUPER_MAGIC;
}

}  // namespace coracle::kernel
