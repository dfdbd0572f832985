#include "parts/confine/filter_cache.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Fd;

constexpr char kMagic[8] = {'s', 'e', 'c', 'c', 'o', 'm', 'p', '1'};
constexpr std::size_t kMostFiles = 64;  // then all are thrown away: the few that are in use come back
constexpr std::size_t kMostBytes = 1U << 20U;

// What a file begins with; the inputs and then the program follow. The sum tells a file that a crash left half written
// from a whole one; against somebody who writes there, the directory's owner and mode are what helps.
struct Head {
  char magic[8];
  std::uint64_t sum;  // of all that follows the head
  std::uint64_t inputs;
  std::uint32_t instructions;
  std::uint32_t flags;
};

// FNV-1a by eight bytes at a time: good enough where nobody tries to make two alike. The inputs themselves are
// compared.
std::uint64_t sum_of(std::string_view bytes) {
  std::uint64_t sum = 14695981039346656037U;
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t count = std::min(bytes.size(), sizeof word);
    std::memcpy(&word, bytes.data(), count);
    sum = (sum ^ word) * 1099511628211U;
    bytes.remove_prefix(count);
  }
  return sum ^ sum >> 32U;
}

std::string name_of(const std::string& inputs) { return fmt::format("{:016x}", sum_of(inputs)); }

bool ours_alone(const Fd& fd, mode_t type, mode_t forbidden) {
  struct stat status {};
  return fstat(fd.get(), &status) == 0 && (status.st_mode & S_IFMT) == type && status.st_uid == geteuid() &&
         (status.st_mode & forbidden) == 0;
}

Fd open_directory(const std::string& path) {
  if (path.empty()) return {};
  Fd directory(kernel::note_call([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); },
                                 "open {}", path));
  return directory && ours_alone(directory, S_IFDIR, 077) ? std::move(directory) : Fd();
}

void make_room(const Fd& directory) {
  const std::vector<std::string> files = kernel::list(directory);
  if (files.size() < kMostFiles) return;
  for (const std::string& name : files) unlinkat(directory.get(), name.c_str(), 0);
}

}  // namespace

std::string packed(const SeccompFilter& filter, const std::string& inputs) {
  const std::string_view program(reinterpret_cast<const char*>(filter.program.data()),
                                 filter.program.size() * sizeof(sock_filter));
  Head head{{}, 0, inputs.size(), static_cast<std::uint32_t>(filter.program.size()), filter.flags};
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  std::string bytes(sizeof head, '\0');
  bytes.append(inputs).append(program);
  head.sum = sum_of(std::string_view(bytes).substr(sizeof head)) ^ head.flags;
  std::memcpy(bytes.data(), &head, sizeof head);
  return bytes;
}

std::optional<SeccompFilter> unpacked(const std::string& bytes, const std::string& inputs) {
  Head head{};
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  const std::size_t program = head.instructions * sizeof(sock_filter);
  const std::string_view rest = std::string_view(bytes).substr(sizeof head);
  if (std::memcmp(head.magic, kMagic, sizeof kMagic) != 0 || head.inputs != inputs.size() ||
      rest.size() != inputs.size() + program || rest.substr(0, inputs.size()) != inputs ||
      (sum_of(rest) ^ head.flags) != head.sum)
    return std::nullopt;
  SeccompFilter filter{kernel::FilterProgram(head.instructions), head.flags};
  std::memcpy(filter.program.data(), rest.data() + inputs.size(), program);
  return filter;
}

std::optional<SeccompFilter> cached_filter(const std::string& directory, const std::string& inputs) {
  const Fd place = open_directory(directory);
  if (!place) return std::nullopt;
  const std::string name = name_of(inputs);
  const Fd file(kernel::note_call(
      [&] { return ::openat(place.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); }, "openat {}",
      name));
  struct stat status {};
  if (!file || !ours_alone(file, S_IFREG, 022) || fstat(file.get(), &status) != 0 ||
      static_cast<std::uint64_t>(status.st_size) > kMostBytes)
    return std::nullopt;
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  if (read(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return std::nullopt;
  return unpacked(bytes, inputs);
}

void cache_filter(const std::string& directory, const std::string& inputs, const SeccompFilter& filter) noexcept {
  try {
    if (directory.empty()) return;
    kernel::make_directories(directory, 0700);
    const Fd place = open_directory(directory);
    if (!place) return;
    make_room(place);
    // Whoever reads sees a whole file or none; of two that write at once, either's is right.
    const std::string name = name_of(inputs);
    const std::string unfinished = fmt::format("{}.{}", name, getpid());
    {
      const Fd file = kernel::openat(place, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
      kernel::write_all(file, packed(filter, inputs));
    }
    kernel::attempt([&] { return renameat(place.get(), unfinished.c_str(), place.get(), name.c_str()); }, "renameat {}",
                    name);
  } catch (const std::exception&) {
    // The next start compiles again.
  }
}

}  // namespace coracle::parts
