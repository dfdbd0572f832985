#include "image/load.hpp"

#include <array>

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/layer.hpp"
#include "image/layout.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {
namespace {

using kernel::Error;
using kernel::Fd;

std::string shown(const LoadRequest& request) { return request.path.empty() ? "stdin" : request.path; }

Fd open_input(const LoadRequest& request) {
  if (!request.path.empty()) return kernel::open(request.path, O_RDONLY | O_NONBLOCK);
  return Fd(kernel::attempt([] { return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0); }, "fcntl F_DUPFD_CLOEXEC"));
}

bool is_plain_file(const Fd& input) {
  std::array<char, 8> start{};
  if (!S_ISREG(kernel::fstatat(input, "")->st_mode) || ::lseek(input.get(), 0, SEEK_CUR) != 0) return false;
  const auto call = [&] { return ::pread(input.get(), start.data(), start.size(), 0); };
  const auto count = static_cast<std::size_t>(kernel::attempt(call, "pread"));
  return parts::compression_of({start.data(), count}) == parts::Compression::none;
}

// In short steps, so that who asks for the end is heard while nothing comes.
void wait_for_bytes(const Fd& input, const LoadRequest& request) {
  constexpr int kStepMs = 100;
  pollfd waiting{input.get(), POLLIN, 0};
  do {
    request.go_on();
  } while (kernel::attempt([&] { return ::poll(&waiting, 1, kStepMs); }, "poll") == 0);
}

// What comes out of a pipe, or is compressed, becomes a file in which can be looked for this and that.
Fd gather(const Fd& input, const Staging& staging, const LoadRequest& request) {
  const auto bytes = [&](char* buffer, std::size_t size) {
    wait_for_bytes(input, request);
    return static_cast<std::size_t>(kernel::attempt([&] { return ::read(input.get(), buffer, size); }, "read"));
  };
  Fd file = kernel::open(staging.path() + "/archive", O_RDWR | O_CREAT | O_EXCL, 0600);
  const auto decoder = parts::open_decoder(bytes);
  const std::uint64_t most = unpack_options().most_bytes;
  std::vector<char> buffer(1U << 20U);
  std::uint64_t total = 0;
  while (const std::size_t count = decoder->read(buffer.data(), buffer.size())) {
    total += count;
    if (total > most) {
      throw Error(fmt::format("read more than {} bytes out of {}", most, shown(request)), EFBIG,
                  "CORACLE_MAX_LAYER sets another limit");
    }
    kernel::write_all(file, {buffer.data(), count});
  }
  if (total == 0) throw Error("read " + shown(request), 0, "it is empty");
  return file;
}

std::unique_ptr<Files> open_files(const LoadRequest& request, const Staging& staging) {
  Fd input = open_input(request);
  if (S_ISDIR(kernel::fstatat(input, "")->st_mode)) return open_directory(request.path);
  if (!is_plain_file(input)) input = gather(input, staging, request);
  return open_tar(std::move(input));
}

void load_from(Store& store, const Staging& staging, const LoadRequest& request) {
  const auto files = open_files(request, staging);
  const std::vector<Offered> images =
      is_layout(*files) ? read_layout(*files, request.platform) : read_docker_archive(*files, request.go_on);
  const auto progress = [&](const Descriptor&, std::uint64_t, std::uint64_t) { request.go_on(); };
  for (const Offered& offered : images) {
    FileBlobs blobs(*files, offered);
    request.loaded({ingest(store, blobs, offered.manifest, offered.names, progress), offered.names});
  }
}

}  // namespace

void load(Store& store, const LoadRequest& request) {
  try {
    store.staged([&](const Staging& staging) { load_from(store, staging, request); });
  } catch (const Error& error) {
    const bool ended = error.status() > 125;  // by a signal, which is no fault of the archive
    if (ended) throw;
    throw Error("load " + shown(request) + ": " + error.attempt(), error.code(), error.hint());
  }
}

}  // namespace coracle::image
