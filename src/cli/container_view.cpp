#include "cli/container_view.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/table.hpp"
#include "engine/lifecycle.hpp"
#include "engine/options_json.hpp"
#include "kernel/error.hpp"
#include "parts/network/ports.hpp"

namespace coracle::cli {
namespace {

using engine::Record;
using engine::State;
using kernel::Error;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string state_of(const engine::Engine& engine, const Record& record) {
  const State state = record.life.state;
  if (state == State::running && engine::is_paused(engine, record)) return "paused";
  return engine::text_of(state);
}

std::string health_of(const Record& record) {
  const auto health = nlohmann::json::parse(record.life.health, nullptr, false);
  return health.is_object() ? health.value("Status", "") : "";
}

std::string ago(std::int64_t moment) { return human_duration((engine::now() - moment) / kSecond) + " ago"; }

}  // namespace

ContainerView ContainerViewer::view(Record record) {
  ContainerView seen;
  try {
    seen.options = engine::parse_options(record.options);
    seen.state = state_of(engine_, record);
  } catch (const Error&) {
    seen.state = "dead";  // its record is damaged; the others are not
  }
  seen.health = health_of(record);
  seen.image = id_of(seen.options.image) == record.image ? seen.options.image : record.image;
  seen.record = std::move(record);
  return seen;
}

std::vector<ContainerView> ContainerViewer::all() {
  std::vector<ContainerView> views;
  for (Record& record : engine_.records.all()) views.push_back(view(std::move(record)));
  return views;
}

const std::string& ContainerViewer::id_of(const std::string& name) {
  const auto [place, is_new] = ids_.try_emplace(name);
  if (is_new && !name.empty()) {
    try {
      place->second = engine_.store.find_id(name);
    } catch (const Error&) {
      // There is no image of that name any more.
    }
  }
  return place->second;
}

const image::Config& ContainerViewer::config(const std::string& image) {
  const auto found = configs_.find(image);
  if (found != configs_.end()) return found->second;
  return configs_[image] = image::parse_config(engine_.store.document(image));
}

std::vector<Port> ContainerViewer::ports(const ContainerView& container) {
  std::vector<Port> ports;
  if (!container.runs()) return ports;
  std::set<std::string> published;
  // As they were chosen at the start.
  for (const parts::PublishedPort& port : parts::noted_ports(container.record.run_root + "/" + container.record.id)) {
    ports.push_back({port.host_address.empty() ? "0.0.0.0" : port.host_address, port.host_port, port.container_port,
                     port.protocol});
    published.insert(fmt::format("{}/{}", port.container_port, port.protocol));
  }
  try {
    for (const std::string& exposed : config(container.record.image).exposed_ports) {
      const PortRange range = parse_port_range(exposed);
      const std::string name = fmt::format("{}/{}", range.first, range.protocol);
      if (published.insert(name).second) ports.push_back({"", 0, range.first, range.protocol});
    }
  } catch (const Error&) {
    // The image is damaged, or names a port that is none.
  }
  return ports;
}

std::map<std::string, std::string> ContainerViewer::labels(const ContainerView& container) {
  std::map<std::string, std::string> labels = container.options.labels;
  try {
    const auto& of_image = config(container.record.image).labels;
    labels.insert(of_image.begin(), of_image.end());
  } catch (const Error&) {
    // The image is damaged.
  }
  return labels;
}

std::string status_text(const ContainerView& container) {
  const engine::Life& life = container.record.life;
  const std::string up = "Up " + human_duration((engine::now() - life.started) / kSecond);
  if (container.state == "paused") return up + " (Paused)";
  if (container.state == "restarting") return fmt::format("Restarting ({}) {}", life.status, ago(life.finished));
  if (container.state == "running") {
    if (container.health.empty()) return up;
    return up + (container.health == "starting" ? " (health: starting)" : " (" + container.health + ")");
  }
  if (container.state == "removing") return "Removal In Progress";
  if (container.state == "dead") return "Dead";
  if (life.started == 0 && life.finished == 0) return "Created";
  return fmt::format("Exited ({}) {}", life.status, ago(life.finished));
}

std::vector<std::string> networks_of(const engine::RunOptions& options) {
  switch (options.network) {
    case engine::Network::none:
      return {"none"};
    case engine::Network::host:
      return {"host"};
    case engine::Network::container:
      return {};
    case engine::Network::bridge:
      break;
  }
  std::vector<std::string> names;
  for (const engine::NetworkSettings& network : options.networks) names.push_back(network.name);
  if (names.empty()) names.emplace_back("bridge");
  return names;
}

std::string network_mode(const engine::RunOptions& options) {
  return options.network == engine::Network::container ? "container:" + options.network_of : networks_of(options).at(0);
}

bool shares_host_network(const Record& record) {
  try {
    return engine::parse_options(record.options).network == engine::Network::host;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace coracle::cli
