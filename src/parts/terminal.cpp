// The pty is made inside: its slave is a file of the container's devpts, where ttyname(3) and /proc find it, and no
// number of the host's own devpts is taken. Only the master gets out, by descriptor.
//
// What stands at /dev/pts and /dev/console may be somebody else's doing: an image's, or that of a process in the
// container that we join. A runtime that opens the slave by its path, or bind-mounts from that path, can be led to
// another file (CVE-2025-52565). So the devpts is opened without following any link, and is known by its type; the
// slave comes from the master, and is mounted by descriptor on a place that is no link.
#include "parts/terminal.hpp"

#include "kernel/mount.hpp"
#include "kernel/node.hpp"
#include "kernel/pty.hpp"
#include "kernel/recorder.hpp"
#include "kernel/unix_socket.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

class Terminal final : public Part {
 public:
  explicit Terminal(TerminalOptions options) : options_(options), console_socket_(options.console_socket) {}
  ~Terminal() override { console_socket_.release(); }  // it is the caller's

  Stage stage() const override { return Stage::terminal; }
  const char* name() const override { return "terminal"; }

  void enter(Context& context) override {
    const Fd root = kernel::open(context.rootfs, O_PATH | O_DIRECTORY);
    const kernel::Pty pty = make_pty(root);
    mount_console(root);
    hand_out(pty);
    // Now, and not before the program: who calls `create` reads our output to its end, while we wait at the gate.
    kernel::become_stdio(slave_);
  }

  void join(Context& context) override {
    // In the container's mount namespace by then: "/" is its root.
    context.between.emplace_back([this] { hand_out(make_pty(kernel::open("/", O_PATH | O_DIRECTORY))); });
  }

  void seal(Context& context) override {
    // Else a program that is not root could not open its own terminal again (/dev/stdout, /dev/tty).
    const auto chown = [&] { return fchown(slave_.get(), context.user.uid, static_cast<gid_t>(-1)); };
    if (context.user.uid != 0) kernel::attempt(chown, "fchown {} of the terminal", context.user.uid);
    kernel::set_controlling_terminal(slave_);
    kernel::become_stdio(slave_);
    slave_.close();
  }

 private:
  kernel::Pty make_pty(const Fd& root);
  void hand_out(const kernel::Pty& pty) const { kernel::send_descriptor(console_socket_, pty.master, pty.name); }
  void mount_console(const Fd& root) const;

  TerminalOptions options_;
  Fd console_socket_;
  Fd slave_;
};

Fd open_devpts(const Fd& root) {
  Fd devpts = kernel::find_in_root(root, "dev/pts", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (!devpts || !kernel::is_devpts(devpts)) {
    throw Error("make a terminal in /dev/pts", ENOTTY, "a container with a terminal needs a devpts mounted there");
  }
  return devpts;
}

kernel::Pty Terminal::make_pty(const Fd& root) {
  kernel::Pty pty = kernel::open_pty(open_devpts(root));
  if (options_.size.rows != 0 || options_.size.columns != 0) kernel::set_window_size(pty.master, options_.size);
  slave_ = std::move(pty.slave);
  return pty;
}

void Terminal::mount_console(const Fd& root) const {
  const Fd dev = kernel::open_in_root(root, "dev", O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
  const auto find = [&] { return kernel::find_in_root(dev, "console", O_PATH, RESOLVE_NO_SYMLINKS); };
  Fd place = find();
  if (!place) {
    kernel::mknodat(dev, "console", S_IFREG | 0600, 0);
    place = find();
  }
  kernel::move_mount(kernel::open_tree(slave_, "", false), place, "/dev/console");
}

}  // namespace

std::unique_ptr<Part> make_terminal(TerminalOptions options) { return std::make_unique<Terminal>(options); }

}  // namespace coracle::parts
