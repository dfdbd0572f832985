// Part: network. One container's place in a network: a veth pair from a bridge to its eth0, a leased address, its
// name files, and ports of the host that lead to it; veth(4), rtnetlink(7), network_namespaces(7).
#include "parts/network.hpp"

#include <linux/sched.h>

#include "kernel/recorder.hpp"
#include "parts/network/bridge.hpp"
#include "parts/network/firewall.hpp"
#include "parts/network/names.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;
using kernel::Ipv4;
using kernel::NetlinkSocket;

// What release() has to know, in the run directory; with the ports, which the firewall notes.
constexpr const char* kNetworkNote = "/network";  // two lines: the bridge; "keep" or "remove"
constexpr const char* kAddressNote = "/address";

std::string run_root(const Context& context) { return context.run_dir.substr(0, context.run_dir.rfind('/')); }

// The host's end of the veth pair: 15 characters, all that a link name may have.
std::string link_name(const std::string& id) { return "cor" + id.substr(0, 12); }

std::string note_of(const std::string& run_dir, const char* note);

class Network final : public Part {
 public:
  explicit Network(NetworkOptions options) : options_(std::move(options)), subnet_(parse_subnet(options_.subnet)) {
    if (!kernel::valid_link_name(options_.bridge)) {
      throw Error("read the bridge name \"" + options_.bridge + "\"", 0,
                  "a link's name has 1 to 15 letters and digits");
    }
    if (!options_.address.empty()) address_ = checked_address();
  }

  Stage stage() const override { return Stage::network; }
  const char* name() const override { return "network"; }

  void prepare(Context& context) override {
    context.clone_flags |= CLONE_NEWNET;
    kernel::create_file(context.run_dir + kNetworkNote,
                        options_.bridge + (options_.keep_bridge ? "\nkeep\n" : "\nremove\n"));
    bridge_ = {run_root(context), options_.bridge, subnet_};
    address_ = lease_address(bridge_, context.id, address_);
    kernel::create_file(context.run_dir + kAddressNote, kernel::ipv4_text(address_));
    write_name_files(context, kernel::ipv4_text(address_), options_.hostname);
  }

  void adopt(Context& context) override {
    if (!options_.ports.empty()) publish_ports(context);
    NetlinkSocket route(NETLINK_ROUTE);
    const std::string port = link_name(context.id);
    std::vector<kernel::NetlinkMessage> messages = {
        kernel::add_veth(port, route.link_index(bridge_.name), "eth0", kernel::mac_of(address_), context.pid)};
    // Its own published port on the host's address leads back to it; with br_netfilter by the port of the bridge.
    if (!options_.ports.empty()) messages.push_back(kernel::set_hairpin(port));
    route.send(std::move(messages));
  }

  // One message after the other in one call: the kernel acts on them in this order.
  void enter(Context&) override {
    constexpr unsigned lo = 1;  // the first link of every network namespace
    NetlinkSocket route(NETLINK_ROUTE);
    const unsigned eth0 = route.link_index("eth0");
    route.send({kernel::set_up(lo), kernel::set_up(eth0), kernel::add_address(eth0, address_, subnet_.prefix),
                kernel::add_default_route(eth0, subnet_.gateway())});
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
    std::vector<std::string> note;
    undo([&] { note = lines_of(note_of(context.run_dir, kNetworkNote)); });
    if (note.size() != 2) return left;  // nothing was made, or all is unmade
    undo([&] { close_ports(note[0], noted_ports(context.run_dir)); });
    undo([&] { silence_veth(context.id); });
    undo([&] { give_back_address(run_root(context), note[0], context.id, note[1] == "keep"); });
    if (left.empty()) undo([&] { kernel::remove_tree(context.run_dir + kNetworkNote); });
    return left;
  }

 private:
  Ipv4 checked_address() const;
  void publish_ports(const Context& context);
  static void silence_veth(const std::string& id);

  NetworkOptions options_;
  Subnet subnet_;
  Ipv4 address_ = 0;
  Bridge bridge_;
  std::vector<Fd> reserved_;  // the published ports of the host, bound so that nobody else takes them
};

// The order makes release() safe: the note names only ports that nobody else holds, and it is there before they are
// in the rules.
void Network::publish_ports(const Context& context) {
  for (const PublishedPort& port : options_.ports) reserved_.push_back(reserve(port));
  note_ports(context.run_dir, options_.ports);
  try {
    open_ports(bridge_.name, options_.ports, address_);
  } catch (const Error& error) {
    // ENOENT: somebody has emptied the firewall since prepare(). Then all ports that are noted are opened, ours too.
    if (error.code() == ENOENT) return restore_rules(bridge_);
    note_ports(context.run_dir, {});
    throw;
  }
}

// The kernel deletes the veth pair with the container's network namespace, when its last process has ended. To wait
// for that, or to delete it here, costs 40 ms of RCU grace periods. So its port goes silent now: whoever is given the
// address next has it alone.
void Network::silence_veth(const std::string& id) {
  NetlinkSocket route(NETLINK_ROUTE);
  const unsigned index = route.link_index(link_name(id));
  if (index == 0) return;
  try {
    route.send({kernel::disable_port(index)});
  } catch (const Error&) {
    // It is going away at this moment.
  }
}

Ipv4 Network::checked_address() const {
  const auto address = kernel::parse_ipv4(options_.address);
  if (address && *address > subnet_.gateway() && *address < subnet_.broadcast()) return *address;
  throw Error("read the address \"" + options_.address + "\"", 0,
              "it is an IPv4 address of " + options_.subnet + ", between " + kernel::ipv4_text(subnet_.gateway() + 1) +
                  " and " + kernel::ipv4_text(subnet_.broadcast() - 1));
}

std::string note_of(const std::string& run_dir, const char* note) {
  return kernel::exists(run_dir + note) ? kernel::read_file(run_dir + note) : std::string();
}

}  // namespace

std::string container_address(const std::string& run_dir) { return note_of(run_dir, kAddressNote); }

std::unique_ptr<Part> make_network(NetworkOptions options) { return std::make_unique<Network>(std::move(options)); }

}  // namespace coracle::parts
