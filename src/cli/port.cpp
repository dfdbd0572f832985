// coracle port: where on the host the ports of a container are.
#include <algorithm>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/container_view.hpp"
#include "cli/options.hpp"
#include "engine/exec.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

int port(const Door& door, std::vector<std::string> words) {
  Options options("port", "CONTAINER [PORT[/PROTOCOL]]", "Tell where on the host the ports of a container are");
  if (!options.read(words)) return 0;
  if (words.empty() || words.size() > 2) {
    throw kernel::Error("read the command line", 0, "a container and at most one port; see coracle port --help")
        .with_status(1);
  }
  return for_each({words[0]}, [&](const std::string& name) {
    engine::Engine engine(door.roots, true);
    ContainerViewer viewer(engine);
    std::vector<Port> ports = viewer.ports(viewer.view(engine::find_container(engine.records, name)));
    std::erase_if(ports, [](const Port& port) { return port.host_port == 0; });
    if (words.size() == 1) {
      for (const Port& port : ports) fmt::print("{}/{} -> {}\n", port.container_port, port.protocol, host_side(port));
      return;
    }
    const PortRange wanted = parse_port_range(words[1]);
    bool found = false;
    for (const Port& port : ports) {
      if (!wanted.contains(port.container_port, port.protocol)) continue;
      fmt::print("{}\n", host_side(port));
      found = true;
    }
    if (!found) {
      throw kernel::Error("find the port " + words[1] + " of " + name, 0,
                          "no public port '" + words[1] + "' published");
    }
  });
}

}  // namespace coracle::cli
