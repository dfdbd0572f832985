// Lesson 7: what the program leaves behind outlives it.
#include <filesystem>

#include "lesson.hpp"
#include "parts/cgroup.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"
#include "parts/volumes.hpp"

using namespace coracle;

int main(int argc, char** argv) {
  Lesson lesson("07-volumes", "Run a program with directories that outlive it");
  std::vector<std::string> volumes, tmpfs;
  std::string volumes_dir = "volumes";
  lesson.add_words("-v,--volume", volumes, "A path of the host, HOST:DEST[:ro], or a named volume, NAME:DEST[:ro]");
  lesson.add_words("--tmpfs", tmpfs, "Memory: DEST[:size=64m]");
  lesson.app.add_option("--volumes-dir", volumes_dir, "Where named volumes live")->capture_default_str();

  return lesson.run(argc, argv, [&](parts::Parts& parts) {
    parts::VolumeOptions options{.volumes_dir = std::filesystem::absolute(volumes_dir)};
    for (const std::string& text : volumes) options.volumes.push_back(parts::parse_volume(text));
    for (const std::string& text : tmpfs) options.volumes.push_back(parts::parse_tmpfs(text));
    parts.push_back(parts::make_namespaces({}));
    parts.push_back(parts::make_cgroup({}));
    parts.push_back(parts::make_layers({.lower = {lesson.rootfs}}));
    parts.push_back(parts::make_mounts());
    parts.push_back(parts::make_volumes(options));
    parts.push_back(parts::make_root({}));
  });
}
