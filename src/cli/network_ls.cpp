// coracle network ls: the table that docker prints.
#include <algorithm>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "engine/network_use.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using engine::NetworkRecord;
using kernel::Error;

using Passes = std::function<bool(const NetworkRecord&)>;
// As docker: of one name one value has to let a network through, and so of every name; but of labels all.
using Filters = std::map<std::string, std::vector<Passes>>;

bool has_label(const NetworkRecord& network, const std::string& label) {
  const std::size_t equals = label.find('=');
  const auto found = network.labels.find(label.substr(0, equals));
  return found != network.labels.end() && (equals == std::string::npos || found->second == label.substr(equals + 1));
}

Passes passes(const engine::Engine& engine, const std::string& name, const std::string& value) {
  if (name == "name") return [=](const NetworkRecord& each) { return each.name.find(value) != std::string::npos; };
  if (name == "id") return [=](const NetworkRecord& each) { return each.id.starts_with(value); };
  if (name == "driver") return [=](const NetworkRecord& each) { return each.driver == value; };
  if (name == "scope") return [=](const NetworkRecord&) { return value == "local"; };
  if (name == "label") return [=](const NetworkRecord& each) { return has_label(each, value); };
  if (name == "type" && (value == "custom" || value == "builtin"))
    return [=](const NetworkRecord& each) { return engine::is_fixed(each) == (value == "builtin"); };
  if (name == "dangling" && (value == "true" || value == "false")) {
    return [&engine, value](const NetworkRecord& each) {
      const bool dangling = !engine::is_fixed(each) && !engine::in_use(engine, each);
      return dangling == (value == "true");
    };
  }
  throw Error("read the filter " + name + "=" + value, 0,
              "the filters are name=, id=, driver=, scope=, label=, type=custom, type=builtin and dangling=true");
}

bool lets_through(const Filters& filters, const NetworkRecord& network) {
  return std::all_of(filters.begin(), filters.end(), [&](const auto& entry) {
    const auto fits = [&](const Passes& each) { return each(network); };
    const auto& [name, values] = entry;
    return name == "label" ? std::all_of(values.begin(), values.end(), fits)
                           : std::any_of(values.begin(), values.end(), fits);
  });
}

}  // namespace

int network_ls(const Door& door, std::vector<std::string> words) {
  Options options("network ls", "[OPTIONS]", "List the networks");
  bool quiet = false, whole = false;
  std::vector<std::string> texts;
  options.flag('q', "quiet", "The ids alone", quiet);
  options.flag(0, "no-trunc", "Whole ids", whole);
  options.value('f', "filter", "NAME=VALUE", "Only those with this name, id, driver, scope, label, type, or dangling",
                [&](const std::string& text) { texts.push_back(text); });
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle network ls --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  Filters filters;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    filters[name].push_back(passes(engine, name, equals == std::string::npos ? "" : text.substr(equals + 1)));
  }
  Table table{{"NETWORK ID", "NAME", "DRIVER", "SCOPE"}};
  for (const NetworkRecord& network : engine.networks.all()) {
    if (!lets_through(filters, network)) continue;
    const std::string id = whole ? network.id : network.short_id();
    if (quiet) fmt::print("{}\n", id);
    table.push_back({id, network.name, network.driver, "local"});
  }
  if (!quiet) fmt::print("{}", format_table(table));
  return 0;
}

}  // namespace coracle::cli
