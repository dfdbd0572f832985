#include "launch/stage.hpp"

#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

// The stage's executable, as the build made it.
asm(R"(
  .section .rodata
  .globl coracle_stage_begin, coracle_stage_end
coracle_stage_begin:
  .incbin ")" CORACLE_STAGE R"("
coracle_stage_end:
  .section .note.GNU-stack, "", %progbits
  .text
)");
extern "C" const char coracle_stage_begin[], coracle_stage_end[];

namespace coracle::launch {
namespace {

using kernel::Error;
using kernel::Fd;

#ifndef MFD_EXEC
constexpr unsigned MFD_EXEC = 0x10;  // since Linux 6.3; Debian 12's headers do not know it
#endif

Fd create_memory_file() {
  const auto create = [](unsigned flags) {
    return kernel::note_call([&] { return memfd_create("stage", flags); }, "memfd_create stage");
  };
  int fd = create(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd < 0 && errno == EINVAL) fd = create(MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd >= 0) return Fd(fd);
  throw Error("memfd_create stage", errno,
              "a container is started through a program in memory; the sysctl vm.memfd_noexec may forbid that");
}

}  // namespace

Stage::Stage() : copy_(create_memory_file()) {
  kernel::write_all(copy_, {coracle_stage_begin, static_cast<std::size_t>(coracle_stage_end - coracle_stage_begin)});
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  kernel::attempt([&] { return fcntl(copy_.get(), F_ADD_SEALS, kSeals); }, "fcntl F_ADD_SEALS stage");
}

void Stage::execute(const std::string& path, const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment, bool init, int report) const {
  std::vector<std::string> words = {(init ? "i" : "x") + std::to_string(report), path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  kernel::attempt([&] { return fcntl(report, F_SETFD, 0); }, "fcntl F_SETFD {}", report);
  kernel::note("execve " + path, kernel::now(), 0);
  kernel::fexecve(copy_, words, environment);
}

}  // namespace coracle::launch
