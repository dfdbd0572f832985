// Lesson 6: the program gets a network of its own, and ways in and out of it.
#include <filesystem>

#include <unistd.h>

#include "kernel/error.hpp"
#include "lesson.hpp"
#include "parts/cgroup.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/network.hpp"
#include "parts/network/pasta.hpp"
#include "parts/root.hpp"

using namespace coracle;

namespace {

bool needs_root(const CLI::App& app) {
  return app.count("--ip") + app.count("--subnet") + app.count("--bridge") + app.count("--keep-bridge") > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Lesson lesson("06-network", "Run a program with a network of its own");
  parts::NetworkOptions network;
  std::vector<std::string> ports;
  lesson.add_words("-p,--publish", ports, "A port of the host that leads inside: [ADDRESS:]8080:80[/udp]");
  lesson.app.add_option("--ip", network.address, "The address, in place of the first free one");
  lesson.app.add_option("--subnet", network.subnet, "The addresses of the network")->capture_default_str();
  lesson.app.add_option("--bridge", network.bridge, "The bridge that joins the containers")->capture_default_str();
  lesson.app.add_flag("--keep-bridge", network.keep_bridge, "Leave the bridge and the rules for the next start");

  return lesson.run(argc, argv, [&](parts::Parts& parts) {
    for (const std::string& port : ports) network.ports.push_back(parts::parse_port(port));
    // Of lesson 5: the root file system is one layer, so containers may share it and change it each for itself.
    const parts::LayerOptions layers{.lower = {std::filesystem::absolute(lesson.rootfs)}};
    parts.push_back(parts::make_namespaces({.hostname = lesson.id}));
    parts.push_back(parts::make_cgroup({}));
    parts.push_back(parts::make_layers(layers));
    parts.push_back(parts::make_mounts());
    parts.push_back(parts::make_root({}));
    // An ordinary user has no bridge to lay a cable to.
    const bool root = geteuid() == 0;
    if (!root && needs_root(lesson.app)) throw kernel::Error("choose the address or the bridge", 0, "that is for root");
    parts.push_back(root ? parts::make_network(network) : parts::make_pasta({network.ports, {lesson.id}}));
  });
}
