#include "contestants.hpp"

#include <cstdlib>
#include <sstream>

#include <unistd.h>

#include "bundle.hpp"
#include "kernel/fd.hpp"
#include "kernel/spawn.hpp"

namespace coracle::bench {
namespace {

constexpr const char* kImage = "busybox";
constexpr const char* kFloor = "floor";
constexpr const char* kRun = "coracle run --rm --net none";
constexpr const char* kFloorVeth = "floor and veth, bridge, address, route";

// In a version 2 hierarchy without controllers as in one with them: the group that every container gets.
Command cgroup_options() {
  for (const char* directory : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (kernel::exists(std::string(directory) + "/cgroup.controllers")) return {"--cgroup", directory};
  }
  return {"--cgroup", "/sys/fs/cgroup/freezer"};
}

Contestant floor(const Workspace& workspace, const std::string& name, const Command& options, Command program) {
  program[0] = "/bin/" + program[0];
  const Command base = {workspace.programs + "/floor", "--lower", workspace.root, "--scratch",
                        workspace.tmpfs.path + "/floor-{}"};
  return {name, base + options + program, kFloor};
}

Contestant coracle(const Workspace& workspace, const std::string& name, const Command& options, const Command& program,
                   const std::string& versus) {
  return {name, Command{find_door(workspace, "coracle"), "run", "--rm"} + options + Command{kImage} + program, versus};
}

Contestant floor_with_veth(const Workspace& workspace, const Command& program) {
  const Command veth = {"--veth", workspace.bridge, "10.99.1.{}", workspace.gateway};
  return floor(workspace, kFloorVeth, veth, program);
}

Contestant coracle_with_bridge(const Workspace& workspace, const Command& program) {
  return coracle(workspace, "coracle run --rm (bridge network)", {}, program, kFloorVeth);
}

void add_floors(Field& field, const Workspace& workspace, const Command& program) {
  const auto add = [&](const char* name, const Command& options) {
    field.contestants.push_back(floor(workspace, name, options, program));
  };
  add("floor but for the network namespace", {"--net", "host"});
  add(kFloor, {});
  add("floor and a cgroup", cgroup_options());
  field.contestants.push_back(floor_with_veth(workspace, program));
}

void add_coracle(Field& field, const Workspace& workspace, const Command& program) {
  const std::string door = find_door(workspace, "coracle");
  if (door.empty()) return field.missing.push_back("coracle");
  kernel::spawn({door, "import", workspace.archive, kImage}, {});
  field.contestants.push_back(coracle(workspace, kRun, {"--net", "none"}, program, kFloor));
  field.contestants.push_back(coracle_with_bridge(workspace, program));
}

void add_peers(Field& field, const Workspace& workspace, const Command& program) {
  const auto add = [&](const char* program_name, const char* name, auto command) {
    const std::string path = find_in_path(program_name);
    if (path.empty()) return field.missing.push_back(program_name);
    field.contestants.push_back({name, command(path), kFloor});
  };
  add("bwrap", "bwrap --unshare-all --proc --dev", [&](const std::string& bwrap) {
    return Command{bwrap, "--unshare-all", "--bind", workspace.root, "/", "--proc", "/proc", "--dev", "/dev"} + program;
  });
  add("unshare", "unshare --root", [&](const std::string& unshare) {
    return Command{unshare, "--mount",  "--uts",  "--ipc",  "--net",
                   "--pid", "--cgroup", "--time", "--fork", "--root=" + workspace.root} +
           program;
  });
}

}  // namespace

Command operator+(Command command, const Command& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

std::string find_in_path(const std::string& name) {
  const char* chosen = std::getenv("PATH");
  std::istringstream directories(std::string(chosen != nullptr ? chosen : "") + ":/usr/sbin:/sbin:/usr/bin:/bin");
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (access((directory + "/" + name).c_str(), X_OK) == 0) return directory + "/" + name;
  }
  return {};
}

std::string find_door(const Workspace& workspace, const std::string& name) {
  const std::string path = workspace.programs + "/../" + name;
  return kernel::exists(path) ? path : "";
}

Field find_contestants(const Workspace& workspace, const Command& program) {
  Field field;
  field.contestants.push_back({"the program alone", Command{workspace.root + "/bin/busybox"} + program, kFloor});
  add_floors(field, workspace, program);
  add_coracle(field, workspace, program);
  add_peers(field, workspace, program);
  add_bundle(field, workspace, program);
  return field;
}

std::vector<Contestant> networked(const Workspace& workspace, const Command& program) {
  std::vector<Contestant> contestants = {floor_with_veth(workspace, program)};
  if (!find_door(workspace, "coracle").empty()) contestants.push_back(coracle_with_bridge(workspace, program));
  return contestants;
}

std::vector<Contestant> doors(const Workspace& workspace, const Command& program) {
  if (find_door(workspace, "coracle").empty()) return {};
  std::vector<Contestant> contestants;
  const auto add = [&](const char* name, const Command& options) {
    contestants.push_back(coracle(workspace, name, Command{"--net", "none"} + options, program, kRun));
    contestants.back().at_terminal = contestants.back().name.ends_with("terminal");
  };
  add(kRun, {});
  add("without a system call filter", {"--security-opt", "seccomp=unconfined"});
  add("privileged", {"--privileged"});
  add("-i at a terminal", {"-i"});
  add("-it at a terminal", {"-it"});
  if (workspace.user.uid != 0) {
    const Command run = workspace.user.coracle + Command{"run", "--rm", "--net", "none", kImage} + program;
    contestants.push_back({"as an ordinary user", run, kRun, false, workspace.user.uid});
  }
  return contestants;
}

std::vector<Contestant> unpackers(const Workspace& workspace, const std::string& archive,
                                  const std::string& directory) {
  std::vector<Contestant> contestants;
  const auto add = [&](const char* name, const std::string& path, const Command& arguments) {
    if (!path.empty()) contestants.push_back({name, Command{path} + arguments, "bsdtar -xf"});
  };
  add("coracle, with the digest", workspace.programs + "/14-versus-vm", {"--unpack-once", archive, directory});
  add("bsdtar -xf", find_in_path("bsdtar"), {"-xf", archive, "-C", directory});
  add("tar -xzf", find_in_path("tar"), {"-xzf", archive, "-C", directory});
  return contestants;
}

}  // namespace coracle::bench
