#include "kernel/mount.hpp"

#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

// glibc 2.36 declares these itself and clashes with <linux/mount.h> in some versions; these are the raw calls.

namespace coracle::kernel {

void mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
           const std::string& data) {
  attempt(
      [&] {
        return ::mount(source.c_str(), target.c_str(), type.empty() ? nullptr : type.c_str(), flags,
                       data.empty() ? nullptr : data.c_str());
      },
      "mount {} on {}{}{}", type.empty() ? source : type, target, data.empty() ? "" : " with ", data);
}

void mount(const std::string& source, const Fd& target, const std::string& name, const std::string& type,
           unsigned long flags, const std::string& data) {
  fchdir(target);
  attempt([&] { return ::mount(source.c_str(), ".", type.c_str(), flags, data.empty() ? nullptr : data.c_str()); },
          "mount {} on {}{}{}", type, name, data.empty() ? "" : " with ", data);
}

void set_propagation(const std::string& target, unsigned long propagation) {
  attempt([&] { return ::mount(nullptr, target.c_str(), nullptr, propagation | MS_REC, nullptr); },
          "mount propagation {:#x} on {}", propagation, target);
}

void umount(const std::string& target, int flags) {
  attempt([&] { return ::umount2(target.c_str(), flags); }, "umount2 {}", target);
}

Fd open_tree(const Fd& directory, const std::string& path, bool recursive) {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0) | (path.empty() ? AT_EMPTY_PATH : 0);
  return Fd(static_cast<int>(
      attempt([&] { return syscall(SYS_open_tree, directory.get(), path.c_str(), flags); }, "open_tree {}", path)));
}

Fd open_tree(const std::string& path, bool recursive) { return open_tree(open(path, O_PATH), "", recursive); }

Fd new_mount(const std::string& type, const std::vector<std::pair<std::string, std::string>>& options,
             unsigned attributes) {
  const Fd context(
      static_cast<int>(attempt([&] { return syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC); }, "fsopen {}", type)));
  for (const auto& option : options) {
    const char* const name = option.first.c_str();
    const char* const value = option.second.c_str();
    attempt([&] { return syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, name, value, 0); },
            "fsconfig {} {}={}", type, name, value);
  }
  attempt([&] { return syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0); },
          "fsconfig {} create", type);
  return Fd(static_cast<int>(
      attempt([&] { return syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, attributes); }, "fsmount {}", type)));
}

void move_mount(const Fd& tree, const Fd& target, const std::string& name) {
  constexpr unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  attempt([&] { return syscall(SYS_move_mount, tree.get(), "", target.get(), "", flags); }, "move_mount to {}", name);
}

void mount_setattr(const Fd& tree, const MountAttributes& wanted, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = wanted.set;
  attributes.attr_clr = wanted.clear;
  attributes.propagation = wanted.propagation;
  if (wanted.user_namespace != nullptr) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(wanted.user_namespace->get());
  }
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  attempt([&] { return syscall(SYS_mount_setattr, tree.get(), "", flags, &attributes, sizeof attributes); },
          "mount_setattr set {:#x}", attributes.attr_set);
}

void mount_setattr(const Fd& tree, std::uint64_t set, std::uint64_t clear, bool recursive) {
  mount_setattr(tree, {.set = set, .clear = clear}, recursive);
}

void pivot_root(const std::string& new_root, const std::string& put_old) {
  attempt([&] { return syscall(SYS_pivot_root, new_root.c_str(), put_old.c_str()); }, "pivot_root {} {}", new_root,
          put_old);
}

void chroot(const std::string& path) {
  attempt([&] { return ::chroot(path.c_str()); }, "chroot {}", path);
}

void chdir(const std::string& path) {
  attempt([&] { return ::chdir(path.c_str()); }, "chdir {}", path);
}

void fchdir(const Fd& directory) {
  attempt([&] { return ::fchdir(directory.get()); }, "fchdir fd {}", directory.get());
}

std::string path_of(const Fd& fd) { return fmt::format("/proc/self/fd/{}", fd.get()); }

}  // namespace coracle::kernel
