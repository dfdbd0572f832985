#include "image/files.hpp"

#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

#include "image/document.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

class Directory : public Files {
 public:
  explicit Directory(const std::string& path) : root_(kernel::open(path, O_PATH | O_DIRECTORY)) {}

  // A fifo or a device is known for what it is before it is opened for reading, which could wait for ever.
  std::optional<Extent> find(const std::string& name) const override {
    const kernel::Fd there = kernel::find_in_root(root_, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
    if (!there) return std::nullopt;
    const auto status = kernel::fstatat(there, "");
    if (!S_ISREG(status->st_mode)) throw Error("read " + name, 0, "it is no regular file");
    auto file = std::make_shared<kernel::Fd>(kernel::open(kernel::path_of(there), O_RDONLY | O_NONBLOCK));
    return Extent{std::move(file), 0, static_cast<std::uint64_t>(status->st_size)};
  }

 private:
  kernel::Fd root_;
};

}  // namespace

parts::Bytes bytes_of(const Extent& extent, std::uint64_t offset) {
  return [extent, at = std::min(offset, extent.size)](char* buffer, std::size_t size) mutable {
    const std::size_t most = std::min<std::uint64_t>(size, extent.size - at);
    const auto call = [&] { return ::pread(extent.file->get(), buffer, most, static_cast<off_t>(extent.begin + at)); };
    const auto count = static_cast<std::size_t>(kernel::attempt(call, "pread"));
    at += count;
    return count;
  };
}

Extent Files::get(const std::string& name) const {
  auto extent = find(name);
  if (!extent) throw Error("read " + name, 0, "there is no such file in it");
  return *std::move(extent);
}

std::string Files::read(const std::string& name) const {
  const Extent extent = get(name);
  if (extent.size > kMostDocument) {
    throw Error("read " + name + " of " + std::to_string(extent.size) + " bytes", 0, "4 MiB is the most");
  }
  const parts::Bytes bytes = bytes_of(extent);
  std::string text(extent.size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const std::size_t count = bytes(text.data() + done, text.size() - done);
    if (count == 0) throw Error("read " + name, 0, "it has become shorter");
    done += count;
  }
  return text;
}

std::unique_ptr<Files> open_directory(const std::string& path) { return std::make_unique<Directory>(path); }

}  // namespace coracle::image
