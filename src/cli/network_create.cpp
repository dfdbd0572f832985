// coracle network create.
#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/subnets.hpp"
#include "kernel/error.hpp"
#include "launch/rootless.hpp"

namespace coracle::cli {
namespace {

using engine::NetworkRecord;
using kernel::Error;

// NAME=VALUE; NAME alone has no value.
void add_word(NetworkRecord::Words& words, const std::string& text) {
  const std::size_t equals = text.find('=');
  words[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
}

void check(const NetworkRecord& network) {
  if (network.driver != "bridge")
    throw Error("create the network " + network.name, 0, "there is no driver " + network.driver + "; there is bridge");
  if (launch::rootless()) {
    throw Error("create the network " + network.name, 0,
                "an ordinary user's containers have one network, which pasta makes; as root there are more");
  }
}

}  // namespace

int network_create(const Door& door, std::vector<std::string> words) {
  Options options("network create", "[OPTIONS] NETWORK",
                  "Make a network: its containers reach each other by name, and those of other networks do not reach "
                  "them.");
  NetworkRecord network;
  bool attachable = false;
  options.value('d', "driver", "DRIVER", "What it is made of: bridge", network.driver);
  options.value(0, "subnet", "SUBNET", "Its addresses, such as 10.78.5.0/24; else a free one", network.subnet);
  options.value(0, "gateway", "ADDRESS", "The host's address in it; else the first", network.gateway);
  options.value(0, "ip-range", "RANGE", "The part of the subnet that containers are given addresses of",
                network.ip_range);
  options.flag(0, "internal", "Nothing gets out of it", network.internal);
  options.value(0, "label", "NAME=VALUE", "A word about it, to find it by",
                [&](const std::string& text) { add_word(network.labels, text); });
  options.value('o', "opt", "NAME=VALUE", "An option of the driver",
                [&](const std::string& text) { add_word(network.options, text); });
  options.flag(0, "attachable", "Accepted as docker has it: every network is", attachable);
  if (!options.read(words)) return 0;
  if (words.size() != 1)
    throw Error("read the command line", 0, "one name is wanted; see coracle network create --help");
  engine::Engine engine(door.roots);
  return for_each(words, [&](const std::string& name) {
    network.name = name;
    check(network);
    fmt::print("{}\n", engine.networks.create(network, engine::host_network_in).id);
  });
}

}  // namespace coracle::cli
