#include "bundle.hpp"

#include <cstdio>
#include <ctime>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "kernel/spawn.hpp"

namespace coracle::bench {
namespace {

namespace fs = std::filesystem;
using kernel::Error;

constexpr const char* kFloor = "floor of a bundle";
constexpr const char* kJoin = "setns and exec";
constexpr const char* kJoined = "bench-joined";

// "" when there is neither a runtime of ours nor runc to write the config.json.
std::string make_bundle(const Workspace& workspace, const std::string& name, const Command& program) {
  const std::string runc = find_in_path("runc");
  const std::string writer = runc.empty() ? find_door(workspace, "coracle-oci") : runc;
  if (writer.empty()) return {};
  const std::string bundle = workspace.tmpfs.path + "/" + name;
  kernel::make_directories(bundle);
  kernel::spawn({writer, "spec", "--bundle", bundle}, {});
  nlohmann::json config = nlohmann::json::parse(kernel::read_file(bundle + "/config.json"));
  config["process"]["terminal"] = false;
  config["process"]["args"] = program;
  config["root"]["path"] = workspace.root;
  kernel::create_file(bundle + "/config.json", config.dump());
  return bundle;
}

// A group in each tree that is mounted, as runtimes make them.
Command every_cgroup() {
  if (kernel::exists("/sys/fs/cgroup/cgroup.controllers")) return {"--cgroup", "/sys/fs/cgroup"};
  Command options;
  for (const auto& tree : fs::directory_iterator("/sys/fs/cgroup")) {
    const bool is_one = !tree.is_symlink() && kernel::exists(tree.path().string() + "/cgroup.procs");
    if (is_one) options.insert(options.end(), {"--cgroup", tree.path()});
  }
  return options;
}

Contestant floor_of_bundle(const Workspace& workspace, Command program) {
  program[0] = "/bin/" + program[0];
  const Command base = {workspace.programs + "/floor",
                        "--bundle",
                        "--lower",
                        workspace.root,
                        "--scratch",
                        workspace.tmpfs.path + "/floor-bundle-{}"};
  return {kFloor, base + every_cgroup() + program, kFloor};
}

// Until it ends well: the container that it joins is being made.
bool comes_to_run(const Command& command) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    try {
      kernel::spawn(command, {});
      return true;
    } catch (const Error&) {
      const timespec pause{0, 20'000'000};
      nanosleep(&pause, nullptr);
    }
  }
  return false;
}

}  // namespace

void add_bundle(Field& field, const Workspace& workspace, const Command& program) {
  const std::string bundle = make_bundle(workspace, "bundle", program);
  if (bundle.empty()) return field.missing.push_back("runc or coracle-oci, to write a bundle");
  field.contestants.push_back(floor_of_bundle(workspace, program));
  const auto add = [&](const std::string& name, const std::string& path) {
    if (path.empty()) return field.missing.push_back(name);
    const std::string state = workspace.tmpfs.path + "/state-of-" + name;
    field.contestants.push_back(
        {name + " run", {path, "--root", state, "run", "--bundle", bundle, "bench-" + name + "-{}"}, kFloor});
  };
  add("coracle-oci", find_door(workspace, "coracle-oci"));
  add("runc", find_in_path("runc"));
  add("crun", find_in_path("crun"));
}

Joined::Joined(const Workspace& workspace, const Command& program) {
  join_bundle(workspace, program);
  join_image(workspace, program);
}

Joined::~Joined() {
  for (const Command& command : at_end_) {
    try {
      kernel::spawn(command, {});
    } catch (const Error& error) {
      std::fprintf(stderr, "14-versus-vm: %s\n", error.what());
    }
  }
}

// Each runtime joins a container of its own; the plain calls join that of coracle-oci.
void Joined::join_bundle(const Workspace& workspace, const Command& program) {
  const std::string bundle = make_bundle(workspace, "bundle-to-join", {"sleep", "1000000"});
  for (const char* name : {"coracle-oci", "runc", "crun"}) {
    const std::string ours = find_door(workspace, name);
    const std::string path = ours.empty() ? find_in_path(name) : ours;
    if (path.empty()) continue;
    const Command runtime = {path, "--root", workspace.tmpfs.path + "/state-of-" + name};
    const std::string pid_file = workspace.tmpfs.path + "/pid-" + name;
    try {
      const std::string id = std::string(kJoined) + "-" + name;
      kernel::spawn(runtime + Command{"run", "--detach", "--pid-file", pid_file, "--bundle", bundle, id}, {});
      at_end_.push_back(runtime + Command{"delete", "--force", id});
      if (contestants_.empty()) {
        const Command join = {workspace.programs + "/floor", "--join", kernel::read_file(pid_file)};
        contestants_.push_back({kJoin, join + Command{"/bin/" + program[0]}, kJoin});
      }
      contestants_.push_back({std::string(name) + " exec", runtime + Command{"exec", id} + program, kJoin});
    } catch (const Error&) {
      // It does not run here, as its row among the starts says.
    }
  }
}

void Joined::join_image(const Workspace& workspace, const Command& program) {
  const std::string coracle = find_door(workspace, "coracle");
  if (coracle.empty()) return;
  running_ = std::make_unique<Background>(
      Command{coracle, "run", "--init", "--name", kJoined, "--net", "none", "busybox", "sleep", "1000000"});
  const Command exec = Command{coracle, "exec", kJoined} + program;
  if (comes_to_run(exec)) contestants_.push_back({"coracle exec", exec, kJoin});
}

}  // namespace coracle::bench
