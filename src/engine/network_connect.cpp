#include "engine/network_connect.hpp"

#include <algorithm>

#include "engine/join_note.hpp"
#include "engine/network_spec.hpp"
#include "engine/options_json.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "parts/network/bridge.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;

bool is_on(const Engine& engine, const Record& container, const NetworkRecord& network) {
  const auto leases = parts::leases(engine.roots.run, network.link);
  return std::any_of(leases.begin(), leases.end(), [&](const auto& lease) { return lease.id == container.id; });
}

std::string run_dir(const Record& container) { return container.run_root + "/" + container.id; }

void check_connectable(const std::string& what, const Record& container, const NetworkRecord& network) {
  if (network.link.empty()) throw Error(what, 0, "it cannot be put on the network " + network.name);
  if (!kernel::exists(run_dir(container) + "/network"))
    throw Error(what, 0, "it has the host's network, another one's, or none (--net)");
}

// What the record says of the networks that it is on, the default one by name, too.
std::vector<NetworkSettings> networks_of(const RunOptions& options) {
  if (options.network == Network::bridge && options.networks.empty()) return {{"bridge", {}, {}}};
  return options.networks;
}

auto named(const NetworkRecord& network) {
  return [&network](const NetworkSettings& each) {
    return each.name == network.name || each.name == network.id || each.name == network.short_id();
  };
}

void keep_networks(Engine& engine, const Record& container, RunOptions options, std::vector<NetworkSettings> networks) {
  options.network = networks.empty() ? Network::none : Network::bridge;
  const bool default_alone = networks.size() == 1 && networks[0].name == "bridge";
  options.networks = default_alone ? std::vector<NetworkSettings>{} : std::move(networks);
  engine.records.set_options(container.id, to_json(options));
}

// For its next start.
void connect_record(Engine& engine, const Record& container, const NetworkRecord& network,
                    const NetworkSettings& settings, const std::string& what) {
  const RunOptions options = parse_options(container.options);
  if (options.network == Network::host || options.network == Network::container || network.link.empty())
    throw Error(what, 0, "it has the host's network, or another one's (--net)");
  std::vector<NetworkSettings> networks = networks_of(options);
  if (std::any_of(networks.begin(), networks.end(), named(network)))
    throw Error(what, EEXIST, "it is on that network already");
  networks.push_back(settings);
  keep_networks(engine, container, options, std::move(networks));
}

bool disconnect_record(Engine& engine, const Record& container, const NetworkRecord& network) {
  const RunOptions options = parse_options(container.options);
  std::vector<NetworkSettings> networks = networks_of(options);
  if (std::erase_if(networks, named(network)) == 0) return false;
  keep_networks(engine, container, options, std::move(networks));
  return true;
}

}  // namespace

void connect(Engine& engine, const Record& container, const NetworkRecord& network, NetworkSettings settings) {
  const std::string what = "connect " + container.name + " to " + network.name;
  settings.name = network.name;
  if (!engine.runs(container)) return connect_record(engine, container, network, settings, what);
  const std::string note = read_join_note(container.run_root, container.id).process;
  const kernel::Fd process = kernel::noted_process(note);
  if (!process) throw Error(what, 0, "it has just ended");
  check_connectable(what, container, network);
  if (is_on(engine, container, network)) throw Error(what, EEXIST, "it is on that network already");
  parts::NetworkOptions options = network_options(network, settings, container.name, container.id);
  parts::Context context;
  context.id = container.id;
  context.run_dir = run_dir(container);
  context.pid = kernel::noted_pid(note);
  context.pidfd = &process;
  parts::connect(context, std::move(options));
  try {
    engine.networks.find(network.id);  // from now on nobody removes it
  } catch (const Error&) {
    parts::disconnect(context, network.link);
    throw;
  }
  connect_record(engine, container, network, settings, what);
}

void disconnect(Engine& engine, const Record& container, const NetworkRecord& network, bool force) {
  const std::string what = "disconnect " + container.name + " from " + network.name;
  if (!engine.runs(container)) {
    if (!disconnect_record(engine, container, network) && !force)
      throw Error(what, ENOENT, "it is not on that network");
    return;
  }
  check_connectable(what, container, network);
  if (!is_on(engine, container, network)) throw Error(what, ENOENT, "it is not on that network");
  parts::Context context;
  context.id = container.id;
  context.run_dir = run_dir(container);
  parts::disconnect(context, network.link);
  disconnect_record(engine, container, network);
}

}  // namespace coracle::engine
