#include "container.hpp"

#include <filesystem>

#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "kernel/unix_socket.hpp"
#include "launch/launch.hpp"
#include "parts/cgroup.hpp"
#include "parts/confine.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"

namespace coracle {

using kernel::Error;
using kernel::Fd;

Container::Container(const std::string& text)
    : name(text), directory(std::filesystem::absolute("containers/" + text)), id("lesson-" + text) {
  if (text.empty() || text[0] == '.' || text.find('/') != std::string::npos)
    throw Error("use \"" + text + "\" as a name", 0, "it becomes the name of a directory");
}

std::string Container::run_directory() const { return launch::default_run_root() + "/" + id; }

Fd Container::lock() const {
  if (!kernel::exists(directory)) throw Error("find the container " + name, ENOENT);
  Fd opened = kernel::open(directory, O_RDONLY | O_DIRECTORY);
  kernel::lock(opened, LOCK_EX);
  return opened;
}

bool Container::held() const {
  return !kernel::lock(kernel::open(directory, O_RDONLY | O_DIRECTORY), LOCK_SH | LOCK_NB);
}

std::optional<std::string> Container::exit() const {
  if (!kernel::exists(file("exit"))) return std::nullopt;
  return kernel::read_file(file("exit"));
}

Fd Container::process() const {
  if (!kernel::exists(file("process"))) return {};
  Fd pidfd = kernel::noted_process(kernel::read_file(file("process")));
  pollfd end{pidfd.get(), POLLIN, 0};
  if (poll(&end, 1, 0) == 1) return {};  // it has ended, and nobody has waited for it yet
  return pidfd;
}

Fd Container::listen() const {
  Fd socket = kernel::unix_socket();
  const Fd opened = kernel::open(directory, O_PATH | O_DIRECTORY);
  const sockaddr_un address = kernel::unix_address(opened, "attach");
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  kernel::attempt([&] { return bind(socket.get(), generic, sizeof address); }, "bind {}", file("attach"));
  kernel::attempt([&] { return ::listen(socket.get(), 16); }, "listen {}", file("attach"));
  return socket;
}

Fd Container::connect() const {
  Fd socket = kernel::unix_socket();
  const Fd opened = kernel::open(directory, O_PATH | O_DIRECTORY);
  const sockaddr_un address = kernel::unix_address(opened, "attach");
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  kernel::attempt([&] { return ::connect(socket.get(), generic, sizeof address); }, "connect {}", file("attach"));
  return socket;
}

parts::Parts parts_of(const std::string& rootfs) {
  parts::ConfineOptions confinement = parts::docker_confinement();
  confinement.cache_dir = launch::default_run_root() + "/seccomp";
  parts::CgroupLimits limits;
  limits.devices = parts::default_device_rules();
  parts::Parts parts;
  parts.push_back(parts::make_confine(confinement));
  parts.push_back(parts::make_namespaces({}));
  parts.push_back(parts::make_cgroup(limits));
  parts.push_back(parts::make_layers({.lower = {rootfs}}));
  parts.push_back(parts::make_mounts());
  parts.push_back(parts::make_root({}));
  return parts;
}

}  // namespace coracle
