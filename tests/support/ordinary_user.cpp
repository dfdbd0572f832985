#include "support/ordinary_user.hpp"

#include <filesystem>

#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"

namespace coracle::test {
namespace {

namespace fs = std::filesystem;

void give(const std::string& path, mode_t mode) {
  fs::create_directories(path);
  kernel::attempt([&] { return ::chown(path.c_str(), OrdinaryUser::kUid, OrdinaryUser::kUid); }, "chown {}", path);
  kernel::attempt([&] { return ::chmod(path.c_str(), mode); }, "chmod {}", path);
}

void replace(const std::string& file, const std::string& copy, const std::string& text) {
  kernel::create_file(copy, text);
  if (!kernel::exists(file)) kernel::create_file(file, "");
  kernel::mount(copy, file, "", MS_BIND);
}

}  // namespace

OrdinaryUser::OrdinaryUser(Ids ids) {
  const std::string& top = directory_.path();
  fs::permissions(top, fs::perms(0755));
  for (const char* name : {"/home", "/run"}) give(top + name, 0700);
  // As udev has it: everybody may make a tap device in a network namespace that is theirs.
  if (kernel::exists("/dev/net/tun")) {
    const std::string tun = top + "/tun";
    kernel::attempt([&] { return ::mknod(tun.c_str(), S_IFCHR, makedev(10, 200)); }, "mknod {}", tun);
    fs::permissions(tun, fs::perms(0666));
    kernel::mount(tun, "/dev/net/tun", "", MS_BIND);
  }
  const std::string line = fmt::format("rower:x:{0}:{0}::{1}:/bin/sh\n", kUid, home());
  replace("/etc/passwd", top + "/passwd", kernel::read_file("/etc/passwd") + line);
  const std::string range = ids == Ids::range ? fmt::format("rower:{}:{}\n", kFirst, kCount) : "";
  replace("/etc/subuid", top + "/subuid", range);
  replace("/etc/subgid", top + "/subgid", range);
}

OrdinaryUser::~OrdinaryUser() {
  for (const char* file : {"/etc/passwd", "/etc/subuid", "/etc/subgid", "/dev/net/tun"}) ::umount2(file, MNT_DETACH);
}

std::string OrdinaryUser::program(const std::string& path) const {
  const std::string copy = directory_.path() + "/" + path.substr(path.rfind('/') + 1);
  fs::copy_file(path, copy, fs::copy_options::skip_existing);
  fs::permissions(copy, fs::perms(0755));
  // `coracle` executes this one for some of its commands.
  if (copy.ends_with("/coracle")) program(path + "-images");
  return copy;
}

std::vector<std::string> OrdinaryUser::command(const std::vector<std::string>& words) const {
  const std::string uid = std::to_string(kUid);
  std::vector<std::string> all = {"setpriv",
                                  "--reuid",
                                  uid,
                                  "--regid",
                                  uid,
                                  "--clear-groups",
                                  "env",
                                  "-i",
                                  "-C",
                                  home(),
                                  "HOME=" + home(),
                                  "USER=rower",
                                  "LC_ALL=C.UTF-8",
                                  "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                                  "XDG_RUNTIME_DIR=" + directory_.path() + "/run"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

std::vector<std::string> OrdinaryUser::coracle(const std::vector<std::string>& words) const {
  std::vector<std::string> all = {program(test::coracle())};
  all.insert(all.end(), words.begin(), words.end());
  return command(all);
}

Result OrdinaryUser::run(const std::vector<std::string>& words, const std::string& input) const {
  return test::run(coracle(words), input);
}

void OrdinaryUser::import_busybox() const {
  const std::string layer = program(busybox_layer());
  const Result imported = run({"import", "-c", "CMD [\"sh\"]", layer, "busybox"});
  INFO(imported.err);
  REQUIRE(imported.status == 0);
}

std::string OrdinaryUser::left_behind() const {
  std::string left;
  for (const std::string& path : {data_root() + "/containers", data_root() + "/tmp", run_root()}) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(path, none)) left += entry.path().string() + "\n";
  }
  return left;
}

}  // namespace coracle::test
