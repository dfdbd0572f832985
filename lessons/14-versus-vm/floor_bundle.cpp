// The floor of an OCI runtime: what the config.json that `runc spec` writes asks for beyond a plain container, as the
// kernel calls that it takes.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "floor.hpp"

namespace {

constexpr unsigned long kNothingRuns = MS_NOSUID | MS_NOEXEC | MS_NODEV;

void write_to(const std::string& path, const std::string& text) {
  const int file = static_cast<int>(must(open(path.c_str(), O_WRONLY | O_CLOEXEC), path.c_str()));
  must(write(file, text.data(), text.size()), path.c_str());
  close(file);
}

std::string read_from(const std::string& path) {
  char text[256];
  const int file = static_cast<int>(must(open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str()));
  const long size = must(read(file, text, sizeof text), path.c_str());
  close(file);
  return {text, static_cast<std::size_t>(size)};
}

bool is_version_2(const std::string& directory) {
  return access((directory + "/cgroup.controllers").c_str(), F_OK) == 0;
}

std::string name_of(const std::string& tree) { return tree.substr(tree.rfind('/') + 1); }

void mask(const char* path) {
  struct stat status {};
  if (stat(path, &status) != 0) return;
  if (S_ISDIR(status.st_mode)) {
    must(mount("tmpfs", path, "tmpfs", MS_RDONLY, nullptr), path);
  } else {
    must(mount("/dev/null", path, nullptr, MS_BIND, nullptr), path);
  }
}

void make_readonly(const char* path) {
  if (access(path, F_OK) != 0) return;
  must(mount(path, path, nullptr, MS_BIND | MS_REC, nullptr), path);
  must(mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | kNothingRuns, nullptr), path);
}

void drop_capabilities() {
  constexpr unsigned kKept = 1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE;
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (capability < 32 && (kKept >> capability & 1U) != 0) continue;
    must(prctl(PR_CAPBSET_DROP, capability), "drop a capability");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct data[2] = {{kKept, kKept, 0}, {0, 0, 0}};
  must(syscall(SYS_capset, &header, data), "capset");
}

}  // namespace

void set_up_cgroup(const std::string& parent, const std::string& path) {
  if (is_version_2(path)) return;
  if (name_of(parent) == "cpuset") {
    for (const char* file : {"/cpuset.mems", "/cpuset.cpus"}) write_to(path + file, read_from(parent + file));
  }
  if (name_of(parent) == "devices") {
    write_to(path + "/devices.deny", "a");
    for (const char* rule : {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",
                             "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"}) {
      write_to(path + "/devices.allow", rule);
    }
  }
}

void bind_root(const std::string& directory) {
  must(mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND | MS_REC, nullptr), "bind the root");
  must(chdir(directory.c_str()), "chdir to the root");
}

void mount_cgroups(const std::vector<std::string>& parents) {
  if (parents.size() == 1 && is_version_2(parents[0])) {
    must(mount("cgroup", "sys/fs/cgroup", "cgroup2", kNothingRuns | MS_RDONLY, nullptr), "mount the cgroups");
  } else {
    must(mount("tmpfs", "sys/fs/cgroup", "tmpfs", kNothingRuns, "mode=755"), "mount sys/fs/cgroup");
    for (const std::string& parent : parents) {
      if (is_version_2(parent)) continue;
      const std::string point = "sys/fs/cgroup/" + name_of(parent);
      const std::string tree = name_of(parent) == "systemd" ? "none,name=systemd" : name_of(parent);
      must(mkdir(point.c_str(), 0755), point.c_str());
      must(mount("cgroup", point.c_str(), "cgroup", kNothingRuns | MS_RDONLY, tree.c_str()), point.c_str());
    }
    must(mount(nullptr, "sys/fs/cgroup", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kNothingRuns, nullptr), "remount");
  }
  must(mount(nullptr, ".", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), "make the root read-only");
}

void confine() {
  for (const char* path :
       {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"}) {
    mask(path);
  }
  for (const char* path : {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}) {
    make_readonly(path);
  }
  const rlimit files{1024, 1024};
  must(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
  drop_capabilities();
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}
