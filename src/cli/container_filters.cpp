#include "cli/container_filters.hpp"

#include <algorithm>

#include <regex.h>

#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

[[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& why) {
  throw Error("read the filter " + key + "=" + value, 0, why).with_status(1);
}

// Docker takes a name and an id for regular expressions; a part of them fits as well.
bool matches(const std::string& key, const std::string& pattern, const std::string& text) {
  regex_t expression;
  if (::regcomp(&expression, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
    refuse(key, pattern, "it is no regular expression");
  const bool found = ::regexec(&expression, text.c_str(), 0, nullptr, 0) == 0;
  ::regfree(&expression);
  return found;
}

bool has_state(const ContainerView& container, const std::string& word) {
  static constexpr std::string_view kWords[] = {"created",  "running", "paused", "restarting",
                                                "removing", "exited",  "dead"};
  if (std::find(std::begin(kWords), std::end(kWords), word) == std::end(kWords))
    refuse("status", word, "it is created, running, paused, restarting, removing, exited or dead");
  return container.state == word;
}

bool has_status(const ContainerView& container, const std::string& number) {
  if (number.empty() || number.size() > 3 || number.find_first_not_of("0123456789") != std::string::npos)
    refuse("exited", number, "it is an exit status");
  return !container.runs() && container.record.life.finished != 0 && container.record.life.status == std::stoi(number);
}

bool has_health(const ContainerView& container, const std::string& word) {
  if (word != "starting" && word != "healthy" && word != "unhealthy" && word != "none")
    refuse("health", word, "it is starting, healthy, unhealthy or none");
  return (container.health.empty() ? "none" : container.health) == word;
}

bool is_of(const ContainerView& container, const std::string& image) {
  const std::string& id = container.record.image;
  const std::string name = image.find(':', image.rfind('/') + 1) == std::string::npos ? image + ":latest" : image;
  return container.image == image || container.image == name || container.image + ":latest" == name ||
         (image.size() >= 4 && (id.starts_with(image) || id.starts_with("sha256:" + image)));
}

bool has_volume(const ContainerView& container, const std::string& wanted) {
  const auto& volumes = container.options.volumes;
  return std::any_of(volumes.begin(), volumes.end(), [&](const parts::Volume& volume) {
    return volume.source == wanted || volume.destination == wanted;
  });
}

bool is_published(const ContainerView& container, const std::string& text) {
  const PortRange range = parse_port_range(text);
  const auto& ports = container.options.ports;
  return std::any_of(ports.begin(), ports.end(), [&](const parts::PublishedPort& port) {
    return range.contains(port.container_port, port.protocol) || range.contains(port.host_port, port.protocol);
  });
}

bool is_exposed(ContainerViewer& viewer, const ContainerView& container, const std::string& text) {
  const PortRange range = parse_port_range(text);
  ContainerView running = container;
  running.state = "running";
  const std::vector<Port> ports = viewer.ports(running);
  return std::any_of(ports.begin(), ports.end(),
                     [&](const Port& port) { return range.contains(port.container_port, port.protocol); });
}

const ContainerView& named(const std::vector<ContainerView>& all, const std::string& key, const std::string& text) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const ContainerView& each) {
    return each.record.name == text || (!text.empty() && each.record.id.starts_with(text));
  });
  if (found == all.end()) refuse(key, text, "there is no such container");
  return *found;
}

}  // namespace

Filters container_filters() {
  return Filters({"ancestor", "before", "exited", "expose", "health", "id", "label", "name", "network", "publish",
                  "since", "status", "volume"});
}

bool fits(const Filters& filters, ContainerViewer& viewer, const ContainerView& container,
          const std::vector<ContainerView>& all) {
  using Text = const std::string&;
  const engine::Record& record = container.record;
  const auto on_network = [&](Text name) {
    const std::vector<std::string> networks = networks_of(container.options);
    return std::find(networks.begin(), networks.end(), name) != networks.end();
  };
  return filters.any("id", [&](Text text) { return matches("id", text, record.id); }) &&
         filters.any("name",
                     [&](Text text) {
                       return matches("name", text, record.name) || matches("name", text, "/" + record.name);
                     }) &&
         filters.any("status", [&](Text word) { return has_state(container, word); }) &&
         filters.any("exited", [&](Text number) { return has_status(container, number); }) &&
         filters.any("health", [&](Text word) { return has_health(container, word); }) &&
         filters.any("ancestor", [&](Text image) { return is_of(container, image); }) &&
         filters.any("volume", [&](Text text) { return has_volume(container, text); }) &&
         filters.any("network", on_network) &&
         filters.any("publish", [&](Text port) { return is_published(container, port); }) &&
         filters.any("expose", [&](Text port) { return is_exposed(viewer, container, port); }) &&
         filters.any("before", [&](Text text) { return record.created < named(all, "before", text).record.created; }) &&
         filters.any("since", [&](Text text) { return record.created > named(all, "since", text).record.created; }) &&
         (!filters.given("label") || filters.labels(viewer.labels(container)));
}

}  // namespace coracle::cli
