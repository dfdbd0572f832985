#include "image/claim.hpp"

#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/inode.hpp"

namespace coracle::image {
namespace {

constexpr int kPollMs = 100;

bool is_still_there(const kernel::Fd& file, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

Claim::Claim(std::string path, const std::function<void()>& waiting) : path_(std::move(path)) {
  do {  // who had it before us may have moved the file into the store
    file_ = kernel::open(path_, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    while (!kernel::lock(file_, LOCK_EX | LOCK_NB)) {
      if (waiting) waiting();
      ::poll(nullptr, 0, kPollMs);
    }
  } while (!is_still_there(file_, path_));
}

Claim::~Claim() {
  struct stat status {};
  if (file_ && ::fstat(file_.get(), &status) == 0 && status.st_size == 0 && is_still_there(file_, path_)) {
    ::unlink(path_.c_str());
  }
}

std::uint64_t Claim::size() const { return static_cast<std::uint64_t>(kernel::fstatat(file_, "")->st_size); }

void Claim::empty() const { kernel::ftruncate(file_, 0); }

}  // namespace coracle::image
