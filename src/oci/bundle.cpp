#include "oci/bundle.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/assemble.hpp"
#include "launch/launch.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kFilterCache = "/~seccomp";  // a name that no container can have

parts::Parts make_parts(const Config& config, const Record& record) {
  parts::Parts parts = launch::assemble(config.spec);
  const auto state = [record](pid_t pid, const char* status) { return state_json(record, pid, status); };
  add_hook_parts(parts, config.hooks, state);
  return parts;
}

void apply(const CreateOptions& options, const Container& container, Config& config) {
  if (options.no_pivot) {
    if ((config.spec.root.propagation & MS_PRIVATE) != 0)
      throw Error("use --no-pivot", 0, "with linux.rootfsPropagation private the old root would stay mounted");
    config.spec.root.with = parts::RootOptions::With::move;
  }
  config.spec.confine.new_keyring = !options.no_new_keyring;
  config.spec.confine.cache_dir = container.root + kFilterCache;
  // As with runc, whose callers look for it there: named as the container, below the group that we are in.
  if (config.spec.resources.path.empty()) config.spec.resources.path = container.id;
  config.process.process.preserve_fds = options.preserve_fds;
  pass_listen_fds(config.process.process);
}

}  // namespace

unsigned parse_descriptor_count(const std::string& text) {
  unsigned count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || *rest != '\0' || count > 1024)
    throw Error("read --preserve-fds " + text, 0, "a number from 0 to 1024 is allowed");
  return count;
}

void add_create_options(Options& options, CreateOptions& create) {
  options.value('b', "bundle", "DIR", "The bundle: config.json and what it names; else the working directory",
                create.bundle);
  options.value(0, "console-socket", "PATH", "A unix socket that is sent the master of the container's terminal",
                create.console_socket);
  options.value(0, "pid-file", "FILE", "Where the number of the container's process is written", create.pid_file);
  options.value(0, "preserve-fds", "N", "So many of our descriptors from 3 on go to the program",
                [&](const std::string& text) { create.preserve_fds = parse_descriptor_count(text); });
  options.flag(0, "no-pivot", "Move the root over the old one: for hosts that live in a ramdisk", create.no_pivot);
  options.flag(0, "no-new-keyring", "The program keeps our session keyring", create.no_new_keyring);
}

Config read_bundle(const CreateOptions& options, std::string& text) {
  const Fd bundle = kernel::open(options.bundle, O_PATH | O_DIRECTORY);
  const std::string path = kernel::real_path(bundle);
  text = kernel::read_all(kernel::openat(bundle, "config.json", O_RDONLY | O_NONBLOCK | O_NOCTTY), kLargestConfig);
  return read_config(text, path);
}

pid_t make_container(const Container& container, Config& config, const std::string& text, const CreateOptions& options,
                     int console_socket) {
  apply(options, container, config);
  if (console_socket >= 0) config.spec.terminal = parts::TerminalOptions{console_socket, config.process.size};
  const Record record = make_record(container.id, config);
  parts::Parts parts = make_parts(config, record);
  bool ours = false;
  const auto note = [&] {
    ours = true;
    note_container(container.directory(), record, text);
  };
  try {
    const pid_t pid =
        launch::create(config.process.process, parts, {.run_root = container.root, .id = container.id, .held = note});
    write_pid_file(options.pid_file, pid);
    return pid;
  } catch (const Error&) {
    // The id of somebody else's container is no reason to touch that one.
    if (ours && kernel::exists(container.directory())) unmake(container);
    if (ours) run_all_hooks(config.hooks.poststop, state_json(record, 0, "stopped"), warn);
    throw;
  }
}

void start_container(const Container& container, const Config& config) {
  launch::start(container.directory());
  if (config.hooks.poststart.empty()) return;
  const FirstProcess process = first_process(container);
  run_all_hooks(config.hooks.poststart, state_json(read_record(container), process.pid, "running"), warn);
}

Fd open_console_socket(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const Fd directory = kernel::open(slash == std::string::npos ? "." : path.substr(0, slash + 1), O_PATH | O_DIRECTORY);
  const sockaddr_un address = kernel::unix_address(directory, path.substr(slash + 1));
  Fd socket = kernel::unix_socket();
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  kernel::attempt([&] { return connect(socket.get(), generic, sizeof address); }, "connect to the console socket {}",
                  path);
  return socket;
}

void write_pid_file(const std::string& path, pid_t pid) {
  if (!path.empty()) kernel::replace_file(path, std::to_string(pid));  // whoever waits for it reads a whole number
}

void pass_listen_fds(launch::Process& process) {
  const char* const text = std::getenv("LISTEN_FDS");
  if (text == nullptr) return;
  unsigned count = 0;
  std::from_chars(text, text + std::strlen(text), count);
  if (count == 0 || count > 1024) return;
  process.preserve_fds += count;
  process.env.push_back(fmt::format("LISTEN_FDS={}", count));
  process.env.emplace_back("LISTEN_PID=1");
}

}  // namespace coracle::oci
