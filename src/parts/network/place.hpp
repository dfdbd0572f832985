// The places that a container has in networks, noted in its run directory: for its release, in whatever process, and
// for whoever connects it or disconnects it while it runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/fd.hpp"

namespace coracle::parts {

struct NetworkPlace {
  std::string bridge;
  bool keep = false;    // the bridge stays when nobody is left on it
  bool first = false;   // published ports lead here
  unsigned number = 0;  // of its interface: eth0, eth1, ...

  std::string interface() const { return "eth" + std::to_string(number); }
  // The host's end of the veth pair: 15 characters, all that a link name may have.
  std::string link(const std::string& id) const;
};

// One process at a time reads and changes the places of a container.
class NetworkPlaces {
 public:
  // Empty when no place was ever noted, or all are unmade. `make`: then the note is made.
  static std::optional<NetworkPlaces> open(const std::string& run_dir, bool make = false);

  const std::vector<NetworkPlace>& all() const { return places_; }
  // Gives it the first number that is free. Throws Error when the container has too many.
  NetworkPlace add(NetworkPlace place);
  void remove(const NetworkPlace& place);
  void remove_note();

 private:
  void write() const;

  std::string path_;
  kernel::Fd note_;  // locked
  std::vector<NetworkPlace> places_;
};

// The address in the first of them, as container_address() gives it.
void note_address(const std::string& run_dir, const std::string& address);

}  // namespace coracle::parts
