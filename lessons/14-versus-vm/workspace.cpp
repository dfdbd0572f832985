#include "workspace.hpp"

#include <cstdlib>
#include <filesystem>

#include <linux/netlink.h>
#include <linux/sched.h>
#include <unistd.h>

#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"
#include "kernel/rtnetlink.hpp"
#include "kernel/spawn.hpp"
#include "parts/unpack.hpp"

namespace coracle::bench {
namespace {

std::string directory_of_this_program() {
  std::string path(PATH_MAX, '\0');
  const auto call = [&] { return readlink("/proc/self/exe", path.data(), path.size()); };
  path.resize(static_cast<std::size_t>(kernel::attempt(call, "readlink /proc/self/exe")));
  return path.substr(0, path.rfind('/'));
}

void leave_the_host() {
  try {
    kernel::unshare(CLONE_NEWNS | CLONE_NEWNET);
  } catch (kernel::Error& error) {
    throw error.with_hint("containers are made here, for which one needs to be root: sudo ...");
  }
  kernel::set_propagation("/", MS_PRIVATE);
  kernel::set_loopback_up();
}

void make_bridge(const std::string& name, const std::string& gateway) {
  const kernel::Ipv4 address = *kernel::parse_ipv4(gateway);
  kernel::NetlinkSocket route(NETLINK_ROUTE);
  route.send({kernel::add_bridge(name, kernel::mac_of(address))});
  route.send({kernel::add_address(route.link_index(name), address, 16)});
}

constexpr unsigned kUid = 61234;

void add_line(const std::string& file, const std::string& copy, const std::string& line) {
  kernel::create_file(copy, (kernel::exists(file) ? kernel::read_file(file) : "") + line);
  if (!kernel::exists(file)) kernel::create_file(file, "");
  kernel::mount(copy, file, "", MS_BIND);
}

OrdinaryUser make_ordinary_user(const std::string& top, const std::string& door, const std::string& archive) {
  if (!kernel::exists(door) || !kernel::exists("/usr/bin/setpriv")) return {};
  const std::string home = top + "/rower";
  const std::string uid = std::to_string(kUid);
  kernel::make_directories(home);
  kernel::attempt([&] { return chown(home.c_str(), kUid, kUid); }, "chown {}", home);
  add_line("/etc/passwd", top + "/passwd", fmt::format("rower:x:{0}:{0}::{1}:/bin/sh\n", kUid, home));
  add_line("/etc/subuid", top + "/subuid", "rower:200000:65536\n");
  add_line("/etc/subgid", top + "/subgid", "rower:200000:65536\n");
  for (const char* name : {"", "-images"}) std::filesystem::copy_file(door + name, top + "/coracle" + name);
  std::filesystem::copy_file(archive, top + "/layer");
  OrdinaryUser user{kUid, {top + "/coracle", "--root", home + "/data", "--run", home + "/run"}};
  std::vector<std::string> import = {"/usr/bin/env",  "-C", home, "/usr/bin/setpriv", "--reuid", uid, "--regid", uid,
                                     "--clear-groups"};
  import.insert(import.end(), user.coracle.begin(), user.coracle.end());
  import.insert(import.end(), {"import", top + "/layer", "busybox"});
  kernel::spawn(import, {});
  return user;
}

}  // namespace

PrivateTmpfs::PrivateTmpfs() {
  leave_the_host();
  char name[] = "/tmp/coracle-bench-XXXXXX";
  if (mkdtemp(name) == nullptr) throw kernel::Error("mkdtemp in /tmp", errno);
  path = name;
  kernel::mount("coracle-bench", path, "tmpfs", 0, "mode=755");
}

PrivateTmpfs::~PrivateTmpfs() {
  umount2(path.c_str(), MNT_DETACH);
  rmdir(path.c_str());
}

Workspace::Workspace(const std::string& layer)
    : programs(directory_of_this_program()), archive(layer), root(tmpfs.path + "/root") {
  kernel::make_directories(root);
  parts::unpack(archive, root);
  setenv("CORACLE_ROOT", (tmpfs.path + "/data").c_str(), 1);
  setenv("CORACLE_RUN", (tmpfs.path + "/run").c_str(), 1);
  make_bridge(bridge, gateway);
  user = make_ordinary_user(tmpfs.path, programs + "/../coracle", archive);
}

}  // namespace coracle::bench
