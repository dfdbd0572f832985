#include "supervisor.hpp"

#include <cerrno>

#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "kernel/tty.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/launch.hpp"

namespace coracle {
namespace {

using kernel::Error;
using kernel::Fd;

struct Pipe {
  Pipe() {
    int ends[2];
    kernel::attempt([&] { return pipe2(ends, O_CLOEXEC); }, "pipe2");
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
  Fd reader, writer;
};

class Supervisor {
 public:
  Supervisor(const Container& container, const std::string& rootfs)
      : container_(container),
        parts_(parts_of(rootfs)),
        log_(kernel::open(container.file("log"), O_WRONLY | O_CREAT | O_APPEND, 0600)),
        listener_(container.listen()) {}

  void start(const std::vector<std::string>& args) {
    Pipe input, output;
    dup2(input.reader.get(), STDIN_FILENO);
    dup2(output.writer.get(), STDOUT_FILENO);
    dup2(output.writer.get(), STDERR_FILENO);
    const pid_t pid = launch::create({.args = args}, parts_, {launch::default_run_root(), container_.id});
    // Whoever holds the writing end keeps the reader from seeing the end: from here on that is the container alone.
    kernel::become_stdio(kernel::open("/dev/null", O_RDWR));
    process_ = kernel::pidfd_open(pid);
    input_ = std::move(input.writer);
    output_ = std::move(output.reader);
    try {
      kernel::create_file(container_.file("process"), kernel::process_note(pid));
      launch::start(container_.run_directory());
    } catch (const Error&) {
      unmake();
      throw;
    }
  }

  void look_after() {
    while (true) {
      pollfd fds[] = {{process_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      if (poll(fds, 3, -1) < 0) continue;  // EINTR
      if (fds[2].revents != 0) greet();
      if (fds[1].revents != 0) {
        copy();
      } else if (fds[0].revents != 0) {
        return;  // it has ended, and there is nothing more to read
      }
    }
  }

  void record_the_end() {
    const kernel::Ending ending = kernel::wait(process_);
    unmake();
    kernel::replace_file(container_.file("exit"), std::to_string(ending.status()) + "\n");
  }

 private:
  // Who attaches is given the container's input itself: we need not read what is typed, and pass it on.
  void greet() {
    Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return;
    try {
      kernel::send_descriptor(client, input_, "input");
      attached_.push_back(std::move(client));
    } catch (const Error&) {
      // It has gone away again.
    }
  }

  void copy() {
    char bytes[65536];
    const ssize_t count = ::read(output_.get(), bytes, sizeof bytes);
    if (count <= 0) return output_.close();  // everybody in there has closed it, or has ended
    kernel::write_all(log_, {bytes, static_cast<std::size_t>(count)});
    // Nobody who looks on may keep the container from printing: a reader that does not read is left behind.
    std::erase_if(attached_, [&](const Fd& client) {
      return send(client.get(), bytes, static_cast<std::size_t>(count), MSG_DONTWAIT | MSG_NOSIGNAL) != count;
    });
  }

  void unmake() { launch::unmake(launch::default_run_root(), container_.id, parts_); }

  const Container& container_;
  parts::Parts parts_;
  Fd log_, listener_, process_, input_, output_;
  std::vector<Fd> attached_;
};

// Its whole life. `line` leads to the command.
void supervise(const Container& container, const std::string& rootfs, const std::vector<std::string>& args, Fd line) {
  const auto say = [&](char status, const std::string& text) {
    const std::string word = status + text;
    send(line.get(), word.data(), word.size(), MSG_NOSIGNAL);
  };
  try {
    Supervisor supervisor(container, rootfs);
    supervisor.start(args);
    say(0, "started");
    line.close();
    supervisor.look_after();
    supervisor.record_the_end();
  } catch (const Error& error) {
    say(static_cast<char>(error.status()), error.what());
  }
}

}  // namespace

void run_detached(const Container& container, const std::string& rootfs, const std::vector<std::string>& args) {
  kernel::make_directories(container.directory);
  const Fd lock = kernel::open(container.directory, O_RDONLY | O_DIRECTORY);
  if (!kernel::lock(lock, LOCK_EX | LOCK_NB) || kernel::exists(container.file("log")))
    throw Error("run " + container.name, EEXIST, "there is a container of this name: rm it, or take another one");
  auto [line, theirs] = kernel::socketpair();
  const kernel::Child between = kernel::clone3(0);
  if (between.pid == 0) {
    setsid();  // away from our terminal: its ctrl-c, and its end, are not the supervisor's
    if (kernel::clone3(0).pid == 0) supervise(container, rootfs, args, std::move(theirs));
    _exit(0);
  }
  kernel::wait(between.pidfd);
  theirs.close();
  const std::string word = kernel::receive_message(line).text;
  if (!word.empty() && word[0] == 0) return;
  kernel::remove_tree(container.directory);
  if (word.empty()) throw Error("start " + container.name, 0, "its supervisor has ended without a word");
  throw Error(word.substr(1), 0).with_status(static_cast<unsigned char>(word[0]));
}

}  // namespace coracle
