#include "engine/networks.hpp"

#include <algorithm>
#include <cctype>
#include <ctime>

#include <sys/random.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/subnets.hpp"
#include "kernel/error.hpp"
#include "kernel/recorder.hpp"

namespace coracle::engine {
namespace {

using image::Statement;
using kernel::Error;
using nlohmann::json;

constexpr const char* kColumns =
    "name, id, driver, subnet, gateway, ip_range, subnet6, gateway6, link, internal, ipv6, options, labels, created";

std::string text_of(const NetworkRecord::Words& words) {
  return json(words).dump(-1, ' ', false, json::error_handler_t::replace);
}

NetworkRecord::Words words_of(const std::string& text) {
  NetworkRecord::Words words;
  const json read = json::parse(text, nullptr, false);
  for (const auto& [name, value] : read.items()) {
    if (value.is_string()) words[name] = value.get<std::string>();
  }
  return words;
}

NetworkRecord read_row(const Statement& row) {
  NetworkRecord network;
  int column = 0;
  for (std::string* field : {&network.name, &network.id, &network.driver, &network.subnet, &network.gateway,
                             &network.ip_range, &network.subnet6, &network.gateway6, &network.link}) {
    *field = row.text(column++);
  }
  network.internal = row.number(column++) != 0;
  network.ipv6 = row.number(column++) != 0;
  network.options = words_of(row.text(column++));
  network.labels = words_of(row.text(column++));
  network.created = row.number(column);
  return network;
}

// It stands in the file of the name service, and in the words of commands.
void check_network_name(const std::string& name) {
  const auto plain = [](unsigned char c) { return c < 0x80 && std::isalnum(c) != 0; };
  const bool good = !name.empty() && name.size() <= 255 && plain(static_cast<unsigned char>(name[0])) &&
                    std::all_of(name.begin(), name.end(), [&](char c) {
                      return plain(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
                    });
  const bool mode = name == "default" || name == "container";  // words of --net
  if (good && !mode) return;
  throw Error("name the network \"" + name + "\"", 0,
              mode ? "it means something else to --net"
                   : "a name has 1 to 255 of a-z A-Z 0-9 _ . - and begins with a letter or a digit");
}

std::string new_network_id() {
  std::uint64_t numbers[4];
  kernel::attempt([&] { return getrandom(numbers, sizeof numbers, 0); }, "getrandom");
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", numbers[0], numbers[1], numbers[2], numbers[3]);
}

}  // namespace

bool is_fixed(const NetworkRecord& network) {
  return network.name == "bridge" || network.name == "none" || network.name == "host";
}

NetworkRecord Networks::create(NetworkRecord network,
                               const std::function<std::string(const std::string& subnet)>& refused) {
  check_network_name(network.name);
  network.id = new_network_id();
  network.created = std::time(nullptr);
  image::Database::Transaction transaction(database_);
  const std::vector<NetworkRecord> others = all();
  for (const NetworkRecord& other : others) {
    if (other.name == network.name) {
      throw Error("create the network " + network.name, EEXIST,
                  "network with name " + network.name + " already exists: " + other.short_id());
    }
  }
  choose_addresses(network, others, refused);
  if (network.link.empty()) network.link = "br-" + network.short_id();
  Statement statement = database_.prepare(
      fmt::format("INSERT INTO networks ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", kColumns));
  for (const std::string* field : {&network.name, &network.id, &network.driver, &network.subnet, &network.gateway,
                                   &network.ip_range, &network.subnet6, &network.gateway6, &network.link}) {
    statement.bind(*field);
  }
  statement.bind(std::int64_t{network.internal}).bind(std::int64_t{network.ipv6});
  statement.bind(text_of(network.options)).bind(text_of(network.labels)).bind(network.created).step();
  transaction.commit();
  return network;
}

std::vector<NetworkRecord> Networks::all() {
  std::vector<NetworkRecord> networks;
  Statement statement = database_.prepare(fmt::format("SELECT {} FROM networks ORDER BY name", kColumns));
  while (statement.step()) networks.push_back(read_row(statement));
  return networks;
}

NetworkRecord Networks::find(const std::string& text) {
  const std::vector<NetworkRecord> networks = all();
  const auto found = std::find_if(networks.begin(), networks.end(),
                                  [&](const auto& each) { return each.id == text || each.name == text; });
  if (found != networks.end()) return *found;
  std::vector<NetworkRecord> begin_so;
  std::copy_if(networks.begin(), networks.end(), std::back_inserter(begin_so),
               [&](const auto& each) { return !text.empty() && each.id.starts_with(text); });
  if (begin_so.size() == 1) return begin_so[0];
  throw Error("find the network " + text, begin_so.empty() ? ENOENT : 0,
              begin_so.empty() ? "network " + text + " not found; coracle network ls lists them"
                               : fmt::format("the ids of {} networks begin so", begin_so.size()));
}

void Networks::remove(const NetworkRecord& network, const std::function<void()>& unmake) {
  if (is_fixed(network)) {
    throw Error("remove the network " + network.name, 0,
                network.name + " is a pre-defined network and cannot be removed");
  }
  image::Database::Transaction transaction(database_);
  unmake();
  database_.prepare("DELETE FROM networks WHERE id=?").bind(network.id).step();
  transaction.commit();
}

}  // namespace coracle::engine
