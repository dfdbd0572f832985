// coracle-oci spec: a config.json to begin with, the one that runc writes.
#include <cstdio>

#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "kernel/cgroup_trees.hpp"
#include "kernel/recorder.hpp"
#include "oci/oci.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;
using nlohmann::ordered_json;

constexpr const char* kSpec = R"({
  "ociVersion": "1.2.0",
  "process": {
    "terminal": true,
    "user": {"uid": 0, "gid": 0},
    "args": ["sh"],
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    "cwd": "/",
    "capabilities": {
      "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    },
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
    "noNewPrivileges": true
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "coracle",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
     "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}
  ],
  "linux": {
    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
    "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
    "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }
})";

// For who is not root: a user namespace in which the caller is root, the host's network, and no limits.
void make_rootless(ordered_json& spec) {
  ordered_json& section = spec["linux"];
  section.erase("resources");
  section["namespaces"].erase(1);  // the network
  section["namespaces"].push_back({{"type", "user"}});
  section["uidMappings"] = {{{"containerID", 0}, {"hostID", geteuid()}, {"size", 1}}};
  section["gidMappings"] = {{{"containerID", 0}, {"hostID", getegid()}, {"size", 1}}};
  ordered_json mounts = ordered_json::array();
  for (ordered_json& mount : spec["mounts"]) {
    if (mount["destination"] == "/sys/fs/cgroup") continue;
    if (mount["type"] == "devpts") mount["options"].erase(mount["options"].size() - 1);  // gid 5 is not mapped
    if (mount["type"] == "sysfs") {
      mount = {{"destination", "/sys"},
               {"type", "none"},
               {"source", "/sys"},
               {"options", {"rbind", "nosuid", "noexec", "nodev", "ro"}}};
    }
    mounts.push_back(mount);
  }
  spec["mounts"] = mounts;
}

}  // namespace

int spec(const Door&, Words words) {
  Options options("spec", "[OPTIONS]", "Write a config.json to begin with.");
  std::string bundle = ".";
  bool rootless = false;
  options.value('b', "bundle", "DIR", "Where it is written; else the working directory", bundle);
  options.flag(0, "rootless", "One that needs no root", rootless);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the command line", 0, "\"" + words[0] + "\" is one word too many");
  ordered_json document = ordered_json::parse(kSpec);
  // In version 1 programs find their groups by the host's paths, so runc leaves them those there.
  if (kernel::CgroupTrees::unified()) document["linux"]["namespaces"].push_back({{"type", "cgroup"}});
  if (rootless) make_rootless(document);
  const kernel::Fd directory = kernel::open(bundle, O_PATH | O_DIRECTORY);
  const kernel::Fd file(kernel::note_call(
      [&] { return ::openat(directory.get(), "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644); },
      "openat config.json"));
  if (!file && errno == EEXIST) throw Error("write " + bundle + "/config.json", EEXIST, "remove it first");
  if (!file) throw Error("write " + bundle + "/config.json", errno);
  kernel::write_all(file, document.dump(2) + "\n");
  return 0;
}

}  // namespace coracle::oci
