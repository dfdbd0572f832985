// Part: network. One container's place in a network: a veth pair from a bridge to its eth0, a leased address, its
// name files, and ports of the host that lead to it; veth(4), rtnetlink(7), network_namespaces(7).
#include "parts/network.hpp"

#include <linux/sched.h>

#include "kernel/namespace.hpp"
#include "kernel/recorder.hpp"
#include "parts/network/bridge.hpp"
#include "parts/network/firewall.hpp"
#include "parts/network/name_service.hpp"
#include "parts/network/names.hpp"
#include "parts/network/place.hpp"
#include "parts/network/ports.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;
using kernel::Ipv4;
using kernel::NetlinkSocket;

std::string run_root(const Context& context) { return context.run_dir.substr(0, context.run_dir.rfind('/')); }

// The kernel deletes the veth pair with the container's network namespace, when its last process has ended. To wait
// for that, or to delete it here, costs 40 ms of RCU grace periods. So its port goes silent now: whoever is given the
// address next has it alone.
void silence_veth(const std::string& link) {
  NetlinkSocket route(NETLINK_ROUTE);
  const unsigned index = route.link_index(link);
  if (index == 0) return;
  try {
    route.send({kernel::disable_port(index)});
  } catch (const Error&) {
    // It is going away at this moment.
  }
}

// Takes back what a container has in one place. `undo` runs a step, and keeps what it throws.
template <typename Undo>
void leave_place(const std::string& run_root, const std::string& id, const NetworkPlace& place, Undo undo) {
  if (place.first) undo([&] { close_ports(place.bridge, noted_ports(run_root + "/" + id)); });
  undo([&] { silence_veth(place.link(id)); });
  undo([&] { give_back_address(run_root, place.bridge, id, place.keep); });
}

class Network final : public Part {
 public:
  explicit Network(NetworkOptions options) : options_(std::move(options)) {
    if (!kernel::valid_link_name(options_.bridge)) {
      throw Error("read the bridge name \"" + options_.bridge + "\"", 0,
                  "a link's name has 1 to 15 letters and digits");
    }
    bridge_.name = options_.bridge;
    bridge_.subnet = parse_subnet(options_.subnet);
    bridge_.gateway = options_.gateway.empty() ? bridge_.subnet.gateway() : address_of(options_.gateway);
    if (!options_.ip_range.empty()) bridge_.range = parse_range(options_.ip_range);
    bridge_.internal = options_.internal;
    bridge_.name_service = options_.name_service;
    if (!options_.address.empty()) address_ = address_of(options_.address);
  }

  Stage stage() const override { return Stage::network; }
  const char* name() const override { return "network"; }

  void prepare(Context& context) override {
    context.clone_flags |= CLONE_NEWNET;
    if (auto places = NetworkPlaces::open(context.run_dir, true)) take_place(context, *places);
    if (!options_.first) return add_host(context.run_dir, kernel::ipv4_text(address_), hostname(context));
    note_address(context.run_dir, kernel::ipv4_text(address_));
    write_name_files(context, kernel::ipv4_text(address_), options_.names, name_server());
  }

  void adopt(Context& context) override {
    if (!options_.ports.empty()) publish_ports(context);
    NetlinkSocket route(NETLINK_ROUTE);
    const std::string port = place_.link(context.id);
    std::vector<kernel::NetlinkMessage> messages = {kernel::add_veth(
        port, route.link_index(bridge_.name), place_.interface(), kernel::mac_of(address_), context.pid)};
    // Its own published port on the host's address leads back to it; with br_netfilter by the port of the bridge.
    if (!options_.ports.empty()) messages.push_back(kernel::set_hairpin(port));
    route.send(std::move(messages));
  }

  // One message after the other in one call: the kernel acts on them in this order.
  void enter(Context&) override {
    constexpr unsigned lo = 1;  // the first link of every network namespace
    NetlinkSocket route(NETLINK_ROUTE);
    const unsigned eth = route.link_index(place_.interface());
    std::vector<kernel::NetlinkMessage> messages = {kernel::set_up(lo), kernel::set_up(eth),
                                                    kernel::add_address(eth, address_, bridge_.subnet.prefix)};
    if (options_.first && !options_.internal) messages.push_back(kernel::add_default_route(eth, bridge_.gateway));
    route.send(std::move(messages));
  }

  std::string release(Context& context) noexcept override {
    std::string left;
    const auto undo = [&](auto step) {
      try {
        step();
      } catch (const std::exception& error) {
        left += (left.empty() ? "" : "; ") + std::string(error.what());
      }
    };
    reserved_.clear();
    undo([&] {
      // Those of all networks: in another process there is but one of us.
      auto places = NetworkPlaces::open(context.run_dir);
      if (!places) return;  // nothing was made, or all is unmade
      for (const NetworkPlace& place : places->all()) leave_place(run_root(context), context.id, place, undo);
      if (left.empty()) places->remove_note();
    });
    return left;
  }

  void connect(Context& context) {
    auto places = NetworkPlaces::open(context.run_dir);
    if (!places) throw Error("connect the container", ENOENT, "it has just ended");
    try {
      take_place(context, *places);
      adopt(context);
      kernel::in_namespace(*context.pidfd, CLONE_NEWNET, [&] { enter(context); });
      add_host(context.run_dir, kernel::ipv4_text(address_), hostname(context));
    } catch (const Error&) {
      if (!place_.bridge.empty()) leave(context, *places, place_);
      throw;
    }
  }

  static void leave(const Context& context, NetworkPlaces& places, const NetworkPlace& place) {
    leave_place(run_root(context), context.id, place, [](auto step) { step(); });
    try {
      NetlinkSocket(NETLINK_ROUTE).send({kernel::delete_link(place.link(context.id))});
    } catch (const Error& error) {
      if (error.code() != ENODEV) throw;  // it has gone with the container
    }
    places.remove(place);
  }

 private:
  Ipv4 address_of(const std::string& text) const;
  void take_place(const Context& context, NetworkPlaces& places);
  void publish_ports(const Context& context);
  std::string hostname(const Context& context) const {
    return options_.names.hostname.empty() ? context.id : options_.names.hostname;
  }
  std::string name_server() const { return options_.name_service ? kernel::ipv4_text(bridge_.gateway) : ""; }

  NetworkOptions options_;
  Ipv4 address_ = 0;
  Bridge bridge_;
  NetworkPlace place_;
  std::vector<Fd> reserved_;  // the published ports of the host, bound so that nobody else takes them
};

// The place is noted before there is anything in it.
void Network::take_place(const Context& context, NetworkPlaces& places) {
  place_ = places.add({.bridge = options_.bridge, .keep = options_.keep_bridge, .first = options_.first});
  bridge_.run_root = run_root(context);
  address_ = lease_address(bridge_, context.id, address_);
  if (options_.name_service) tell_names(bridge_.service(), context.id, address_, options_.known_as);
}

// The order makes release() safe: the note names only ports that nobody else holds, and it is there before they are
// in the rules.
void Network::publish_ports(const Context& context) {
  for (PublishedPort& port : options_.ports) reserved_.push_back(reserve(port));
  note_ports(context.run_dir, options_.ports);
  try {
    open_ports(bridge_.name, options_.ports, address_);
  } catch (const Error& error) {
    // ENOENT: somebody has emptied the firewall since prepare(). Then all ports that are noted are opened, ours too.
    if (error.code() == ENOENT) return restore_rules(bridge_.run_root);
    note_ports(context.run_dir, {});
    throw;
  }
}

Ipv4 Network::address_of(const std::string& text) const {
  const Subnet& subnet = bridge_.subnet;
  const auto address = kernel::parse_ipv4(text);
  const Ipv4 first = subnet.network + (options_.gateway.empty() ? 2 : 1);  // the gateway is the first, unless told
  if (address && *address >= first && *address < subnet.broadcast()) return *address;
  throw Error("read the address \"" + text + "\"", 0,
              "it is an IPv4 address of " + options_.subnet + ", between " + kernel::ipv4_text(first) + " and " +
                  kernel::ipv4_text(subnet.broadcast() - 1));
}

}  // namespace

std::unique_ptr<Part> make_network(NetworkOptions options) { return std::make_unique<Network>(std::move(options)); }

void connect(Context& context, NetworkOptions options) {
  options.first = false;
  Network(std::move(options)).connect(context);
}

void disconnect(const Context& context, const std::string& bridge) {
  auto places = NetworkPlaces::open(context.run_dir);
  if (!places) throw Error("disconnect the container", ENOENT, "it has just ended");
  for (const NetworkPlace& place : places->all()) {
    if (place.bridge == bridge) return Network::leave(context, *places, NetworkPlace(place));
  }
  throw Error("disconnect the container from " + bridge, ENOENT, "it is not on that network");
}

}  // namespace coracle::parts
