// coracle info: this host, and how much is kept on it, in docker's fields.
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/container_view.hpp"
#include "cli/format.hpp"
#include "cli/table.hpp"
#include "image/time.hpp"
#include "image/usage.hpp"
#include "kernel/cgroup_trees.hpp"
#include "kernel/error.hpp"
#include "launch/rootless.hpp"

namespace coracle::cli {
namespace {

// Of the file system below the data root, in docker's words.
std::string file_system(const std::string& path) {
  struct statfs found {};
  if (::statfs(path.c_str(), &found) != 0) return "<unknown>";
  switch (static_cast<std::uint32_t>(found.f_type)) {
    case EXT4_SUPER_MAGIC:
      return "extfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlayfs";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case NFS_SUPER_MAGIC:
      return "nfs";
    default:
      return fmt::format("{:#x}", static_cast<std::uint32_t>(found.f_type));
  }
}

// A field of os-release(5); "" when it is not there.
std::string os_release(const std::string& field) {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(field + "=")) continue;
    line.erase(0, field.size() + 1);
    std::erase(line, '"');
    return line;
  }
  return "";
}

std::uint64_t memory() {
  struct sysinfo found {};
  return ::sysinfo(&found) == 0 ? static_cast<std::uint64_t>(found.totalram) * found.mem_unit : 0;
}

void count_containers(engine::Engine& engine, Json& info) {
  std::map<std::string, int> counts;
  const std::vector<ContainerView> all = ContainerViewer(engine).all();
  for (const ContainerView& container : all) ++counts[container.runs() ? container.state : "stopped"];
  info["Containers"] = all.size();
  info["ContainersRunning"] = counts["running"] + counts["restarting"];
  info["ContainersPaused"] = counts["paused"];
  info["ContainersStopped"] = counts["stopped"];
}

Json described(engine::Engine& engine) {
  utsname kernel{};
  ::uname(&kernel);
  Json info = Json::object();
  count_containers(engine, info);
  info["Images"] = image::usage(engine.database).images;
  info["Driver"] = "overlay2";
  info["DriverStatus"] = Json::array({Json::array({"Backing Filesystem", file_system(engine.roots.data)})});
  info["Plugins"] = {{"Volume", {"local"}},
                     {"Network", {"bridge", "host", "ipvlan", "macvlan", "null", "vxlan"}},
                     {"Log", {"json-file"}}};
  info["NCPU"] = ::sysconf(_SC_NPROCESSORS_ONLN);
  info["MemTotal"] = memory();
  info["SystemTime"] = image::rfc3339(std::time(nullptr));
  info["LoggingDriver"] = "json-file";
  info["CgroupDriver"] = "cgroupfs";
  info["CgroupVersion"] = kernel::CgroupTrees::unified() ? "2" : "1";
  info["KernelVersion"] = kernel.release;
  info["OperatingSystem"] = os_release("PRETTY_NAME");
  info["OSVersion"] = os_release("VERSION_ID");
  info["OSType"] = "linux";
  info["Architecture"] = kernel.machine;
  info["DockerRootDir"] = engine.roots.data;
  info["Name"] = kernel.nodename;
  info["ServerVersion"] = kVersion;
  info["DefaultRuntime"] = "coracle";
  info["SecurityOptions"] = {"name=seccomp,profile=builtin", "name=cgroupns"};
  if (launch::rootless()) info["SecurityOptions"].push_back("name=rootless");
  info["Warnings"] = Json::array();
  return info;
}

constexpr const char* kText =
    "Client: coracle\n"
    " Version:    {{.ServerVersion}}\n"
    "\n"
    "Server:\n"
    " Containers: {{.Containers}}\n"
    "  Running: {{.ContainersRunning}}\n"
    "  Paused: {{.ContainersPaused}}\n"
    "  Stopped: {{.ContainersStopped}}\n"
    " Images: {{.Images}}\n"
    " Server Version: {{.ServerVersion}}\n"
    " Storage Driver: {{.Driver}}\n"
    "{{range .DriverStatus}}  {{join . \": \"}}\n{{end}}"
    " Logging Driver: {{.LoggingDriver}}\n"
    " Cgroup Driver: {{.CgroupDriver}}\n"
    " Cgroup Version: {{.CgroupVersion}}\n"
    " Plugins:\n"
    "  Volume: {{join .Plugins.Volume \" \"}}\n"
    "  Network: {{join .Plugins.Network \" \"}}\n"
    "  Log: {{join .Plugins.Log \" \"}}\n"
    " Security Options:\n"
    "{{range .SecurityOptions}}  {{.}}\n{{end}}"
    " Kernel Version: {{.KernelVersion}}\n"
    " Operating System: {{.OperatingSystem}}\n"
    " OSType: {{.OSType}}\n"
    " Architecture: {{.Architecture}}\n"
    " CPUs: {{.NCPU}}\n"
    " Total Memory: {{.Memory}}\n"
    " Name: {{.Name}}\n"
    " Docker Root Dir: {{.DockerRootDir}}";

}  // namespace

int info(const Door& door, std::vector<std::string> words) {
  Options options("info", "[OPTIONS]", "Tell about this host, and how many containers and images are kept on it");
  std::string format;
  options.value('f', "format", "FORMAT", kInspectFormat, format);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw kernel::Error("read the word " + words[0], 0, "see coracle info --help").with_status(1);
  engine::Engine engine(door.roots);
  sweep(engine);
  Json info = described(engine);
  if (format == "json") format = "{{json .}}";
  if (format.empty()) {
    info["Memory"] = human_memory(info["MemTotal"].get<std::uint64_t>());
    format = kText;
  }
  fmt::print("{}\n", fill(format, info));
  return 0;
}

}  // namespace coracle::cli
