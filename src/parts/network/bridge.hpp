// The network that containers share: a bridge with an address on the host, the rules of the firewall, and the
// leases of addresses. It is made with the first container and taken away after the last.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernel/rtnetlink.hpp"
#include "parts/network/name_service.hpp"

namespace coracle::parts {

struct Subnet {
  kernel::Ipv4 network = 0;
  unsigned prefix = 0;

  kernel::Ipv4 gateway() const { return network + 1; }
  kernel::Ipv4 broadcast() const { return prefix < 32 ? network | (~kernel::Ipv4{0} >> prefix) : network; }
};

// Reads "10.77.0.0/16". Throws Error with what was read and what is allowed.
Subnet parse_subnet(const std::string& text);

// The same for a part of a subnet, down to one address.
Subnet parse_range(const std::string& text);

// What all networks of one run root have in common is below RUN_ROOT/networks:
//     networks/coracle0/10.77.0.2 -> 93f1c2ab77d0   a lease: a symbolic link, so made whole or not at all
//     networks/coracle0/subnet -> 10.77.0.0/16      what it was made with
//     networks/coracle0/rules                       what its firewall was loaded with
//     networks/coracle0/hosts/93f1c2ab77d0          the names of a container there (name_service.hpp)
//     networks/ip_forward                           what the host had there before we switched it on
struct Bridge {
  std::string run_root;
  std::string name;  // of the link, and of the nftables table of the family "ip"
  Subnet subnet;
  kernel::Ipv4 gateway = 0;     // the bridge's own address
  std::optional<Subnet> range;  // where free addresses are taken from
  bool internal = false;        // nothing gets out
  bool name_service = false;

  std::string directory() const { return run_root + "/networks/" + name; }
  NameService service() const { return {directory(), gateway, internal}; }
};

// Makes the network as far as it is not there and leases an address of it to the container `id`: `wanted`, or when
// that is 0 the first free one. Any number of starts may do so at once. Throws Error.
kernel::Ipv4 lease_address(const Bridge& bridge, const std::string& id, kernel::Ipv4 wanted);

// Loads the rules of all networks again that have lost them, with the ports that running containers have noted
// (firewall.hpp): somebody has emptied the firewall (`nft flush ruleset`).
void restore_rules(const std::string& run_root);

struct Lease {
  std::string id;  // the container
  kernel::Ipv4 address;
};

// Those of the network whose bridge is `name`.
std::vector<Lease> leases(const std::string& run_root, const std::string& name);

// Takes the network away, whatever of it is there. Throws Error EBUSY as long as a container has a lease in it.
void remove_bridge(const std::string& run_root, const std::string& name);

// Gives back what `id` has leased; when nothing is leased any more and not `keep`, takes the network away.
void give_back_address(const std::string& run_root, const std::string& name, const std::string& id, bool keep);

}  // namespace coracle::parts
