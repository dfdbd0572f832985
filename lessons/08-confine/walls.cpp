// walls: tries what a container should not be able to do, one deed after the other, and says what the kernel answers.
// None of the deeds does harm where it is allowed. It links nothing of ours: it is run inside a root file system.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr const char* kDirectory = "/tmp/walls-directory";
constexpr const char* kDisk = "/tmp/walls-disk";

long give_away() { return chown(kDirectory, 7, 7); }
long mount_memory() { return mount("none", kDirectory, "tmpfs", 0, nullptr); }
long new_user_namespace() { return unshare(CLONE_NEWUSER); }
long kernel_crypto() { return socket(AF_ALG, SOCK_SEQPACKET, 0); }
long write_host_setting() { return open("/proc/sys/kernel/core_pattern", O_WRONLY); }

// One's own keyring is empty; that of who started us has at least the keyring of the user in it.
long read_keys() {
  const long size = syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, nullptr, 0);
  if (size != 0) return size;
  errno = ENOKEY;
  return -1;
}

// What a driver, or nobody, answers is an answer all the same: the disk could be reached.
long open_disk() {
  if (mknod(kDisk, S_IFBLK | 0600, makedev(7, 0)) != 0) return -1;
  const int disk = open(kDisk, O_RDONLY | O_NONBLOCK);
  return disk >= 0 || errno == ENXIO ? 0 : -1;
}

// The null device has nothing to read.
long read_timers() {
  char text[64];
  const int file = open("/proc/timer_list", O_RDONLY);
  if (file < 0) return -1;
  if (read(file, text, sizeof text) > 0) return 0;
  errno = ENODATA;
  return -1;
}

struct Deed {
  const char* what;
  long (*act)();
};

constexpr Deed kDeeds[] = {
    {"give a file to another user", give_away},
    {"mount a file system", mount_memory},
    {"make a user namespace", new_user_namespace},
    {"make the node of a disk and open it", open_disk},
    {"call the kernel's crypto (AF_ALG)", kernel_crypto},
    {"read the session's keys", read_keys},
    {"read the kernel's timers", read_timers},
    {"write a setting of the host", write_host_setting},
};

// In a child, so that one deed does not change what the next finds.
void attempt(const Deed& deed) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    errno = 0;
    const bool done = deed.act() >= 0;
    std::printf("%-37s %s\n", deed.what, done ? "done" : strerrorname_np(errno));
    std::fflush(stdout);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

}  // namespace

int main() {
  std::printf("I am %s\n", geteuid() == 0 ? "root" : "not root");
  mkdir(kDirectory, 0755);
  for (const Deed& deed : kDeeds) attempt(deed);
}
