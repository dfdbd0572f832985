#include "build/context.hpp"

#include <csignal>

#include <poll.h>
#include <unistd.h>

#include "build/dockerfile.hpp"
#include "image/layer.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "parts/unpack.hpp"

namespace coracle::build {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kDockerfile = "Dockerfile";

bool is_remote(const std::string& context) {
  for (const char* start : {"http://", "https://", "git://", "git@", "ssh://", "github.com/"}) {
    if (context.starts_with(start)) return true;
  }
  return false;
}

// A file of the context that may be missing.
bool read_inside(const Fd& context, const std::string& path, std::string& text) {
  const Fd file = kernel::find_regular_in_root(context, path);
  if (!file) return false;
  text = kernel::read_all(file, kMostBytes);
  return true;
}

// Until there is something to read; a signal that asks us to end, and is held back, comes out of go_on().
void await_stdin(const Fd& signals, const std::function<void()>& go_on) {
  pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {signals.get(), POLLIN, 0}};
  while (fds[0].revents == 0) {
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) throw Error("poll stdin", errno);
    go_on();
  }
}

std::string read_stdin(const image::Staging& staging, const std::function<void()>& go_on) {
  std::string path = staging.path() + "/stdin";
  const Fd kept = kernel::open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  std::string piece(256U << 10U, '\0');
  sigset_t asking;
  sigset_t before;
  sigemptyset(&asking);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&asking, number);
  const Fd signals = kernel::signalfd(asking, &before);
  while (true) {
    await_stdin(signals, go_on);
    const auto call = [&] { return ::read(STDIN_FILENO, piece.data(), piece.size()); };
    const auto count = static_cast<std::size_t>(kernel::attempt(call, "read the build context from stdin"));
    if (count == 0) return path;
    kernel::write_all(kept, {piece.data(), count});
  }
}

void take_stdin(Request& request, const image::Staging& staging) {
  const std::string path = read_stdin(staging, request.go_on);
  if (!parts::is_archive(path)) {
    request.dockerfile = kernel::read_file(path, kMostBytes);
    return;
  }
  const std::string directory = staging.path() + "/context";
  kernel::make_directories(directory);
  parts::unpack(path, directory, image::unpack_options([&](std::string_view) { request.go_on(); }));
  request.context = kernel::open(directory, O_RDONLY | O_DIRECTORY);
}

// A path on the command line is the user's own, and may lie outside of the context.
void take_dockerfile(Request& request, const std::string& context, const std::string& file,
                     const image::Staging& staging) {
  if (file == "-") {
    request.dockerfile = kernel::read_file(read_stdin(staging, request.go_on), kMostBytes);
  } else if (!file.empty() && context != "-") {
    request.dockerfile = kernel::read_file(file, kMostBytes);
    request.file_name = file;
  } else {
    request.file_name = file.empty() ? kDockerfile : file;
    if (!read_inside(request.context, request.file_name, request.dockerfile))
      throw Error("read the Dockerfile of " + (context == "-" ? "stdin" : context), ENOENT,
                  "there is no " + request.file_name + "; name another with -f");
  }
}

// NAME.dockerignore beside the Dockerfile goes before .dockerignore.
Ignore read_ignore(const Request& request, const std::string& file) {
  std::string text;
  if (!file.empty() && file != "-" && kernel::exists(file + ".dockerignore"))
    return Ignore(kernel::read_file(file + ".dockerignore", kMostBytes));
  if (file.empty() && read_inside(request.context, std::string(kDockerfile) + ".dockerignore", text))
    return Ignore(text);
  return read_inside(request.context, ".dockerignore", text) ? Ignore(text) : Ignore();
}

}  // namespace

void open_context(Request& request, const std::string& context, const std::string& file,
                  const image::Staging& staging) {
  if (is_remote(context))
    throw Error("build of " + context, 0, "a context is a directory or - (stdin); fetch it first: git clone, curl");
  if (context == "-" && file == "-") throw Error("read the Dockerfile and the context from stdin", 0, "one of them");
  if (context == "-") {
    take_stdin(request, staging);
    if (!request.context) return;
  } else {
    request.context = kernel::open(context, O_RDONLY | O_DIRECTORY);
  }
  take_dockerfile(request, context, file, staging);
  request.ignore = read_ignore(request, context == "-" ? "" : file);
}

}  // namespace coracle::build
