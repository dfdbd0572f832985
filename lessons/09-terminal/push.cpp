// push: types for you. Its words become a line typed at its controlling terminal, with the TIOCSTI of ioctl_tty(2).
// It links nothing of ours: it is run inside a root file system.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/ioctl.h>

namespace {

bool push(int terminal, char key) {
  if (ioctl(terminal, TIOCSTI, &key) == 0) return true;
  std::printf("push: the kernel takes no key: %s\n", std::strerror(errno));
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const int terminal = open("/dev/tty", O_RDWR);
  if (terminal < 0) {
    std::printf("push: there is no terminal: %s\n", std::strerror(errno));
    return 1;
  }
  for (int word = 1; word < argc; ++word) {
    for (const char* key = argv[word]; *key != '\0'; ++key) {
      if (!push(terminal, *key)) return 1;
    }
    if (!push(terminal, word + 1 < argc ? ' ' : '\n')) return 1;
  }
  return 0;
}
