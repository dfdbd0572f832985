// The networks: those that a person has made, and the three that are always there. They are records in the state
// database; the link, the rules and the name service of one come with its first container (parts/network/bridge.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "image/database.hpp"

namespace coracle::engine {

struct NetworkRecord {
  using Words = std::map<std::string, std::string>;

  std::string name;
  std::string id;  // 64 hexadecimal figures
  std::string driver = "bridge";
  std::string subnet, gateway, ip_range;  // IPv4: "10.78.0.0/24", "10.78.0.1", "10.78.0.128/25"; "" is none
  std::string subnet6, gateway6;
  std::string link;  // of the bridge, on the host; "" where there is none
  bool internal = false;
  bool ipv6 = false;
  Words options, labels;
  std::int64_t created = 0;  // seconds since 1970

  std::string short_id() const { return id.substr(0, 12); }
};

// bridge, none and host.
bool is_fixed(const NetworkRecord& network);

class Networks {
 public:
  explicit Networks(image::Database& database) : database_(database) {}

  // Takes it in, with all that `wanted` leaves open: id, link, subnet, gateway. `refused` says why the host cannot have
  // a subnet, or "". Throws Error when the name is taken, or what was wanted does not fit.
  NetworkRecord create(NetworkRecord wanted, const std::function<std::string(const std::string& subnet)>& refused);

  std::vector<NetworkRecord> all();  // by name

  // By the whole id, by name, by the beginning of an id. Throws Error when there is none, or more than one.
  NetworkRecord find(const std::string& text);

  // `unmake` is called first, while nobody can make or remove a network; what it throws is thrown.
  void remove(const NetworkRecord& network, const std::function<void()>& unmake);

 private:
  image::Database& database_;
};

}  // namespace coracle::engine
