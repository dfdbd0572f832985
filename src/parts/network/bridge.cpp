// The network that containers share. See bridge.hpp; rtnetlink(7), nft(8), flock(2), and ip_forward and
// route_localnet in the kernel's Documentation/networking/ip-sysctl.rst.
#include "parts/network/bridge.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include <dirent.h>
#include <sys/file.h>
#include <unistd.h>

#include "kernel/nftables.hpp"
#include "kernel/recorder.hpp"
#include "parts/network/firewall.hpp"
#include "parts/network/ports.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Ipv4;
using kernel::NetlinkSocket;

constexpr const char* kSubnetNote = "/subnet";
constexpr const char* kRulesNote = "/rules";
constexpr const char* kIpForward = "/proc/sys/net/ipv4/ip_forward";

std::string networks_dir(const std::string& run_root) { return run_root + "/networks"; }
std::string text_of(const Subnet& subnet) {
  return fmt::format("{}/{}", kernel::ipv4_text(subnet.network), subnet.prefix);
}

// flock(2) on the directory of the networks itself: shared to lease an address, exclusive to make or to remove.
class NetworksLock {
 public:
  NetworksLock(const std::string& run_root, int operation) {
    struct stat status {};
    do {  // a directory that was removed while we waited for it is not the one that the next start sees
      const std::string path = networks_dir(run_root);
      kernel::make_directories(path, 0700);
      directory_ = kernel::open(path, O_RDONLY | O_DIRECTORY);
      kernel::lock(directory_, operation);
      kernel::attempt([&] { return fstat(directory_.get(), &status); }, "fstat {}", path);
    } while (status.st_nlink == 0);
  }

 private:
  kernel::Fd directory_;
};

std::vector<std::string> entries(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, decltype([](DIR* directory) { closedir(directory); })> directory(opendir(path.c_str()));
  while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
    if (const std::string name = entry->d_name; name != "." && name != "..") names.push_back(name);
  }
  return names;
}

// False when it is there already.
bool link_to(const std::string& target, const std::string& path) {
  const auto call = [&] { return symlink(target.c_str(), path.c_str()); };
  if (kernel::note_call(call, "symlink {} {}", target, path) == 0) return true;
  if (errno != EEXIST) throw Error("symlink " + path, errno);
  return false;
}

// What a symbolic link of ours leads to; "" when it is not there.
std::string noted(const std::string& path) {
  char text[64];
  const ssize_t size =
      kernel::note_call([&] { return readlink(path.c_str(), text, sizeof text); }, "readlink {}", path);
  return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
}

// The subnet that the network was made with; "" when it was not made.
std::string noted_subnet(const Bridge& bridge) {
  std::string subnet = noted(bridge.directory() + kSubnetNote);
  if (subnet.empty() || subnet == text_of(bridge.subnet)) return subnet;
  throw Error("use " + bridge.name + " with the subnet " + text_of(bridge.subnet), EEXIST,
              "it has the subnet " + subnet + "; choose another bridge for another subnet");
}

bool is_there(const Bridge& bridge) {
  NetlinkSocket nftables(NETLINK_NETFILTER);
  return !noted_subnet(bridge).empty() && nftables.link_index(bridge.name) != 0 &&
         kernel::table_exists(nftables, bridge.name);
}

// A link of our name that none of our networks accounts for is somebody's, and a subnet that leads elsewhere too.
void check_free(const Bridge& bridge) {
  NetlinkSocket route(NETLINK_ROUTE);
  if (route.link_index(bridge.name) != 0) {
    throw Error("make the bridge " + bridge.name, EEXIST,
                "a link of this name is there and it is not of " + networks_dir(bridge.run_root) +
                    "; remove it (ip link delete " + bridge.name + ") or choose another name for the bridge");
  }
  if (const std::string network = kernel::network_of(route, bridge.gateway); !network.empty()) {
    throw Error("give the bridge " + bridge.name + " the address " + kernel::ipv4_text(bridge.gateway), EEXIST,
                "this host has the network " + network + " already; choose another subnet");
  }
}

void make_link(const Bridge& bridge) {
  NetlinkSocket route(NETLINK_ROUTE);
  const Ipv4 gateway = bridge.gateway;
  if (route.link_index(bridge.name) == 0) route.send({kernel::add_bridge(bridge.name, kernel::mac_of(gateway))});
  try {
    route.send({kernel::add_address(route.link_index(bridge.name), gateway, bridge.subnet.prefix)});
  } catch (const Error& error) {
    if (error.code() != EEXIST) throw;
  }
}

// The host is a router from now on; what it was before is noted once, for all networks.
void switch_forwarding_on(const Bridge& bridge) {
  if (kernel::read_file(kIpForward).starts_with('0')) {
    kernel::create_file(networks_dir(bridge.run_root) + "/ip_forward", "0\n");
    kernel::write_file(kIpForward, "1\n");
  }
  // Lets a packet from 127.0.0.1 go out through the bridge, to a published port.
  kernel::write_file("/proc/sys/net/ipv4/conf/" + bridge.name + "/route_localnet", "1\n");
}

// With the ports of the containers that run: somebody may have emptied the firewall under them.
void load_rules_and_ports(const std::string& run_root, const std::string& name) {
  load_rules(kernel::read_file(networks_dir(run_root) + "/" + name + kRulesNote));
  for (const Lease& lease : leases(run_root, name)) {
    const std::string run_dir = run_root + "/" + lease.id;
    if (container_address(run_dir) == kernel::ipv4_text(lease.address))
      open_ports(name, noted_ports(run_dir), lease.address);
  }
}

void make(const Bridge& bridge) {
  if (noted_subnet(bridge).empty()) {
    check_free(bridge);
    kernel::make_directories(bridge.directory(), 0700);
    // From here on the link is known to be ours.
    link_to(text_of(bridge.subnet), bridge.directory() + kSubnetNote);
  }
  make_link(bridge);
  switch_forwarding_on(bridge);
  kernel::create_file(bridge.directory() + kRulesNote,
                      rules_of(bridge.name, text_of(bridge.subnet), bridge.internal,
                               bridge.name_service ? kernel::ipv4_text(bridge.gateway) : ""));
  load_rules_and_ports(bridge.run_root, bridge.name);
}

// Called with the exclusive lock held. Nobody's lease is there.
void remove(const std::string& run_root, const std::string& name) {
  NetlinkSocket nftables(NETLINK_NETFILTER);  // the kernel finishes what was deleted when this is closed: last
  kernel::delete_table(nftables, name);
  NetlinkSocket route(NETLINK_ROUTE);
  if (route.link_index(name) != 0) route.send({kernel::delete_link(name)});
  const std::string networks = networks_dir(run_root);
  end_name_service(networks + "/" + name);
  kernel::remove_tree(networks + "/" + name);
  const std::vector<std::string> left = entries(networks);
  const std::string note = networks + "/ip_forward";
  if (left == std::vector<std::string>{"ip_forward"}) {
    kernel::write_file(kIpForward, kernel::read_file(note));
    kernel::remove_tree(note);
  }
}

// A lease is a symbolic link: one call makes it with its content, or finds that it is there.
bool lease(const Bridge& bridge, const std::string& id, Ipv4 address) {
  return link_to(id, bridge.directory() + "/" + kernel::ipv4_text(address));
}

Ipv4 lease_some(const Bridge& bridge, const std::string& id, Ipv4 wanted) {
  const std::string text = kernel::ipv4_text(wanted);
  if (wanted != 0 && lease(bridge, id, wanted)) return wanted;
  if (wanted != 0) {
    throw Error("take the address " + text, EADDRINUSE, "another container on " + bridge.name + " has it");
  }
  const Subnet& range = bridge.range.value_or(bridge.subnet);
  const Ipv4 last = std::min(range.broadcast(), bridge.subnet.broadcast() - 1);
  for (Ipv4 address = std::max(range.network, bridge.subnet.network + 1); address <= last; ++address) {
    if (address != bridge.gateway && lease(bridge, id, address)) return address;
  }
  throw Error("take an address of " + bridge.name, EADDRNOTAVAIL, "all addresses of its subnet are leased");
}

std::optional<Subnet> read_subnet(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto address = kernel::parse_ipv4(text.substr(0, slash));
  unsigned prefix = 0;
  const char* end = text.data() + text.size();
  const bool number = slash != std::string::npos &&
                      std::from_chars(text.data() + slash + 1, end, prefix) == std::from_chars_result{end, std::errc{}};
  if (!address || !number || prefix > 32 || (prefix < 32 && (*address & (~Ipv4{0} >> prefix)) != 0)) return {};
  return Subnet{*address, prefix};
}

}  // namespace

Subnet parse_subnet(const std::string& text) {
  const auto subnet = read_subnet(text);
  // Of fewer than four addresses none is left for a container; more than 10.0.0.0/8 no private network has.
  if (subnet && subnet->prefix >= 8 && subnet->prefix <= 30) return *subnet;
  throw Error("read the subnet \"" + text + "\"", 0,
              "it is an IPv4 network with 8 to 30 bits, such as 10.77.0.0/16, with zeros behind these bits");
}

Subnet parse_range(const std::string& text) {
  const auto range = read_subnet(text);
  if (range && range->prefix >= 8) return *range;
  throw Error("read the range \"" + text + "\"", 0,
              "it is a part of an IPv4 network, such as 10.77.128.0/17, with zeros behind these bits");
}

Ipv4 lease_address(const Bridge& bridge, const std::string& id, Ipv4 wanted) {
  const auto served = [&] { return !bridge.name_service || serves_names(bridge.service()); };
  {
    const NetworksLock lock(bridge.run_root, LOCK_SH);
    if (is_there(bridge) && served()) return lease_some(bridge, id, wanted);
  }
  const NetworksLock lock(bridge.run_root, LOCK_EX);
  if (!is_there(bridge)) make(bridge);
  const Ipv4 address = lease_some(bridge, id, wanted);
  if (!served()) begin_name_service(bridge.service());  // behind the lease: with the last one it ends
  return address;
}

void restore_rules(const std::string& run_root) {
  const std::string networks = networks_dir(run_root);
  const auto bereft = [&] {
    std::vector<std::string> names;
    for (const std::string& name : entries(networks)) {
      if (kernel::exists(networks + "/" + name + kRulesNote)) names.push_back(name);
    }
    if (names.empty()) return names;
    NetlinkSocket nftables(NETLINK_NETFILTER);
    std::erase_if(names, [&](const std::string& name) { return kernel::table_exists(nftables, name); });
    return names;
  };
  if (bereft().empty()) return;
  const NetworksLock lock(run_root, LOCK_EX);
  for (const std::string& name : bereft()) load_rules_and_ports(run_root, name);
}

std::vector<Lease> leases(const std::string& run_root, const std::string& name) {
  std::vector<Lease> found;
  const std::string directory = networks_dir(run_root) + "/" + name;
  for (const std::string& entry : entries(directory)) {
    const auto address = kernel::parse_ipv4(entry);
    if (std::string id = address ? noted(directory + "/" + entry) : ""; !id.empty()) found.push_back({id, *address});
  }
  return found;
}

void remove_bridge(const std::string& run_root, const std::string& name) {
  if (!kernel::exists(networks_dir(run_root))) return;
  const NetworksLock lock(run_root, LOCK_EX);
  if (!leases(run_root, name).empty()) throw Error("remove the bridge " + name, EBUSY, "containers are on it");
  if (kernel::exists(networks_dir(run_root) + "/" + name)) remove(run_root, name);
  rmdir(networks_dir(run_root).c_str());  // ENOTEMPTY as long as there is a network
}

void give_back_address(const std::string& run_root, const std::string& name, const std::string& id, bool keep) {
  const std::string directory = networks_dir(run_root) + "/" + name;
  const bool has_names = has_name_service(directory);
  const NetworksLock lock(run_root, keep && !has_names ? LOCK_SH : LOCK_EX);
  bool others = false;
  for (const std::string& address : entries(directory)) {
    if (!kernel::parse_ipv4(address)) continue;
    const std::string path = fmt::format("{}/{}", directory, address);
    const bool ours = noted(path) == id;
    if (ours) kernel::attempt([&] { return unlink(path.c_str()); }, "unlink {}", path);
    others = others || !ours;
  }
  if (has_names) forget_names(directory, id);
  if (has_names && !others) end_name_service(directory);
  if (!keep && !others && kernel::exists(directory)) remove(run_root, name);
  rmdir(networks_dir(run_root).c_str());  // ENOTEMPTY as long as there is a network
}

}  // namespace coracle::parts
