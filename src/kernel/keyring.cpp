#include "kernel/keyring.hpp"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {

bool join_new_session_keyring() {
  // Without a name: by name one would join the keyring of somebody else who chose the same.
  const long keyring = note_call([] { return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr); },
                                 "keyctl KEYCTL_JOIN_SESSION_KEYRING");
  if (keyring >= 0) return true;
  if (errno == ENOSYS || errno == EPERM) return false;
  Error error("keyctl KEYCTL_JOIN_SESSION_KEYRING", errno);
  if (error.code() == EDQUOT) error.with_hint("too many keys; see /proc/key-users and kernel.keys.root_maxkeys");
  throw error;
}

}  // namespace coracle::kernel
