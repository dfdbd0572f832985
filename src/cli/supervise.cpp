// coracle supervise: what `run -d` and `start` execute, once for each container; engine/supervise.hpp.
#include "engine/supervise.hpp"

#include "cli/cli.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

int supervise(const Door& door, std::vector<std::string> words) {
  constexpr int kLine = 3, kConnection = 4;
  const bool good = words.size() == 1 || (words.size() == 2 && words[1] == "connected");
  if (!good || fcntl(kLine, F_SETFD, FD_CLOEXEC) < 0)
    throw kernel::Error("supervise a container", 0, "that is for coracle start and run -d; see coracle --help");
  kernel::Fd connection;
  if (words.size() == 2 && fcntl(kConnection, F_SETFD, FD_CLOEXEC) == 0) connection = kernel::Fd(kConnection);
  return engine::supervise(door.roots, words[0], kernel::Fd(kLine), std::move(connection));
}

}  // namespace coracle::cli
