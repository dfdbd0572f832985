// Lesson 8: what the program may do.
#include <filesystem>

#include "launch/rootless.hpp"
#include "lesson.hpp"
#include "parts/cgroup.hpp"
#include "parts/confine.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"
#include "parts/volumes.hpp"

using namespace coracle;

int main(int argc, char** argv) {
  Lesson lesson("08-confine", "Run a program that may do little");
  std::vector<std::string> volumes, cap_add, cap_drop, ulimits, sysctls;
  std::string seccomp;
  bool no_new_privileges = false, unmask = false, all_devices = false;
  lesson.add_words("-v,--volume", volumes, "A path of the host, HOST:DEST[:ro], or a named volume, NAME:DEST[:ro]");
  lesson.add_words("--cap-add", cap_add, "A capability more: NET_ADMIN, or ALL");
  lesson.add_words("--cap-drop", cap_drop, "A capability less, or ALL");
  lesson.add_words("--ulimit", ulimits, "A limit of each process: nofile=20");
  lesson.add_words("--sysctl", sysctls, "A setting of its namespaces: net.ipv4.ip_forward=1");
  lesson.app.add_option("--seccomp", seccomp, "A profile in docker's form, or \"unconfined\"");
  lesson.app.add_option("-u,--user", lesson.process.user, "NAME, UID, NAME:GROUP or UID:GID");
  lesson.app.add_option("-w,--workdir", lesson.process.cwd, "Where the program starts");
  lesson.app.add_flag("--no-new-privileges", no_new_privileges, "No program gives more than there is, no set-user-ID");
  lesson.app.add_flag("--all-devices", all_devices, "Let every device be opened whose node there is");
  lesson.app.add_flag("--unmask", unmask, "Show all of /proc and /sys, and let them be written");

  return lesson.run(argc, argv, [&](parts::Parts& parts) {
    parts::VolumeOptions volume_options{.volumes_dir = std::filesystem::absolute("volumes")};
    for (const std::string& text : volumes) volume_options.volumes.push_back(parts::parse_volume(text));
    parts::ConfineOptions options = parts::docker_confinement();
    options.capabilities = parts::docker_capabilities(cap_add, cap_drop);
    options.no_new_privileges = no_new_privileges;
    options.cache_dir = launch::default_run_root() + "/seccomp";
    if (seccomp == "unconfined") {
      options.seccomp = std::monostate{};
    } else if (!seccomp.empty()) {
      options.seccomp = parts::DockerProfile{kernel::read_file(seccomp)};
    }
    if (unmask) options.masked_paths = options.readonly_paths = {};
    for (const std::string& text : ulimits) options.rlimits.push_back(parts::parse_ulimit(text));
    for (const std::string& text : sysctls) options.sysctls.push_back(parts::parse_sysctl(text));

    parts::CgroupLimits limits{.optional = launch::rootless()};
    if (!all_devices) limits.devices = parts::default_device_rules();
    parts.push_back(parts::make_namespaces({}));
    parts.push_back(parts::make_cgroup(limits));
    parts.push_back(parts::make_layers({.lower = {lesson.rootfs}}));
    parts.push_back(parts::make_mounts());
    parts.push_back(parts::make_volumes(volume_options));
    parts.push_back(parts::make_root({}));
    parts.push_back(parts::make_confine(options));
  });
}
