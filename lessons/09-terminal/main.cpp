// Lesson 9: a terminal of its own, and a way into a container that runs.
#include <filesystem>

#include "lesson.hpp"
#include "parts/cgroup.hpp"
#include "parts/confine.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"
#include "parts/terminal.hpp"
#include "parts/volumes.hpp"

using namespace coracle;

int main(int argc, char** argv) {
  Lesson lesson("09-terminal", "Run a program at a terminal of its own, or inside a container that runs");
  std::vector<std::string> volumes, cap_add, cap_drop, ulimits;
  std::string seccomp;
  bool all_devices = false;
  lesson.add_words("-v,--volume", volumes, "A path of the host, HOST:DEST[:ro], or a named volume, NAME:DEST[:ro]");
  lesson.add_words("--cap-add", cap_add, "A capability more: NET_ADMIN, or ALL");
  lesson.add_words("--cap-drop", cap_drop, "A capability less, or ALL");
  lesson.add_words("--ulimit", ulimits, "A limit of each process: nofile=20");
  lesson.app.add_option("--seccomp", seccomp, "A profile in docker's form, or \"unconfined\"");
  lesson.app.add_option("-u,--user", lesson.process.user, "NAME, UID, NAME:GROUP or UID:GID");
  lesson.app.add_option("-w,--workdir", lesson.process.cwd, "Where the program starts");
  lesson.app.add_flag("--all-devices", all_devices, "Let every device be opened whose node there is");

  lesson.app.add_flag("-t,--terminal", lesson.terminal, "A terminal of its own; the keys reach it through ours");
  lesson.app.add_option("--detach-keys", lesson.detach_keys, "The keys that leave it (ctrl-p,ctrl-q)");
  lesson.app.add_option("--join", lesson.join_pid, "Run CMD in the container of this process (then without ROOTFS)");

  return lesson.run(argc, argv, [&](parts::Parts& parts) {
    parts::VolumeOptions volume_options{.volumes_dir = std::filesystem::absolute("volumes")};
    for (const std::string& text : volumes) volume_options.volumes.push_back(parts::parse_volume(text));
    parts::ConfineOptions options = parts::docker_confinement();
    options.capabilities = parts::docker_capabilities(cap_add, cap_drop);
    options.cache_dir = launch::default_run_root() + "/seccomp";
    if (seccomp == "unconfined") {
      options.seccomp = std::monostate{};
    } else if (!seccomp.empty()) {
      options.seccomp = parts::DockerProfile{kernel::read_file(seccomp)};
    }
    for (const std::string& text : ulimits) options.rlimits.push_back(parts::parse_ulimit(text));

    if (lesson.terminal) parts.push_back(parts::make_terminal(lesson.console));
    parts.push_back(parts::make_confine(options));
    parts.push_back(parts::make_namespaces({}));
    if (lesson.join_pid != 0) return;  // everything else is the container's alone

    parts::CgroupLimits limits;
    if (!all_devices) limits.devices = parts::default_device_rules();
    parts.push_back(parts::make_cgroup(limits));
    parts.push_back(parts::make_layers({.lower = {lesson.rootfs}}));
    parts.push_back(parts::make_mounts());
    parts.push_back(parts::make_volumes(volume_options));
    parts.push_back(parts::make_root({}));
  });
}
