// coracle network connect and coracle network disconnect.
#include "engine/network_connect.hpp"

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/exec.hpp"
#include "kernel/error.hpp"
#include "parts/network/name_service.hpp"

namespace coracle::cli {

using kernel::Error;

int network_connect(const Door& door, std::vector<std::string> words) {
  Options options("network connect", "[OPTIONS] NETWORK CONTAINER", "Put a container on one more network.");
  engine::NetworkSettings settings;
  options.value(0, "ip", "ADDRESS", "The container's own, in that network", settings.address);
  options.value(0, "alias", "NAME", "One more name in that network", [&](const std::string& name) {
    if (!parts::valid_host_name(name)) throw Error("read the alias \"" + name + "\"", 0, "it is no host name");
    settings.aliases.push_back(name);
  });
  if (!options.read(words)) return 0;
  if (words.size() != 2)
    throw Error("read the command line", 0, "a network and a container are wanted; see coracle network connect --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  return for_each({words[1]}, [&](const std::string& name) {
    engine::connect(engine, engine::find_container(engine.records, name), engine.networks.find(words[0]), settings);
  });
}

int network_disconnect(const Door& door, std::vector<std::string> words) {
  Options options("network disconnect", "[OPTIONS] NETWORK CONTAINER", "Take a container off a network.");
  bool force = false;
  options.flag('f', "force", "One that does not run and is not on it is no error", force);
  if (!options.read(words)) return 0;
  if (words.size() != 2)
    throw Error("read the command line", 0,
                "a network and a container are wanted; see coracle network disconnect --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  return for_each({words[1]}, [&](const std::string& name) {
    engine::disconnect(engine, engine::find_container(engine.records, name), engine.networks.find(words[0]), force);
  });
}

}  // namespace coracle::cli
