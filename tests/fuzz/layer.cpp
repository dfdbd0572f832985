// The layer reader on bytes that nobody meant: decompression, tar, and what the names in it do to a directory. Whatever
// comes, it ends, in little memory, and nothing outside of the directory is touched.
#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "parts/unpack.hpp"

using namespace coracle;

namespace {

// TOP/jail/root is unpacked into. TOP/canary, and what TOP and TOP/jail have in them, stay as they are.
struct Jail {
  std::string top = std::string(std::getenv("CORACLE_FUZZ_DIR")) + "/layer-XXXXXX";
  std::string root;

  Jail() {
    if (mkdtemp(top.data()) == nullptr) std::abort();
    kernel::create_file(top + "/canary", "untouched");
    root = top + "/jail/root";
  }

  void check() const {
    struct stat status {};
    const bool whole = kernel::read_file(top + "/canary") == "untouched" &&
                       ::stat((top + "/canary").c_str(), &status) == 0 && status.st_nlink == 1 &&
                       (status.st_mode & 07777U) == 0644 && status.st_uid == 0 && ::stat(top.c_str(), &status) == 0 &&
                       status.st_nlink == 3 && ::stat((top + "/jail").c_str(), &status) == 0 && status.st_nlink == 3;
    if (!whole) std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const Jail jail;
  kernel::make_directories(jail.root);
  std::size_t at = 0;
  const auto bytes = [&](char* buffer, std::size_t most) {
    const std::size_t count = std::min(most, size - at);
    std::copy_n(data + at, count, buffer);
    at += count;
    return count;
  };
  try {
    parts::unpack(bytes, "fuzz", jail.root, {.most_bytes = 1U << 20U, .most_entries = 1000});
  } catch (const kernel::Error&) {
    // Said what was wrong with it.
  }
  jail.check();
  kernel::remove_tree(jail.root);
  return 0;
}
