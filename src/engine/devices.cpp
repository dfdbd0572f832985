#include "engine/devices.hpp"

#include <algorithm>
#include <filesystem>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel/error.hpp"

namespace coracle::engine {
namespace {

namespace fs = std::filesystem;
using kernel::Error;
using parts::Device;

bool is_access(const std::string& text) {
  return !text.empty() && text.size() <= 3 && text.find_first_not_of("rwm") == std::string::npos;
}

bool is_device(const struct stat& status) { return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode); }

Device node_of(const struct stat& status, const std::string& path) {
  return {.path = path,
          .type = S_ISBLK(status.st_mode) ? 'b' : 'c',
          .major = major(status.st_rdev),
          .minor = minor(status.st_rdev),
          .mode = status.st_mode & 07777,
          .uid = status.st_uid,
          .gid = status.st_gid};
}

// Links are not followed, and other file systems not entered: /dev/pts and /dev/shm are each container's own.
void add_below(const std::string& source, const std::string& destination, dev_t device, std::vector<Device>& nodes) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(source, gone)) {
    const std::string name = entry.path().filename();
    struct stat status {};
    if (lstat(entry.path().c_str(), &status) != 0 || status.st_dev != device) continue;
    if (S_ISDIR(status.st_mode)) add_below(entry.path(), destination + "/" + name, device, nodes);
    if (is_device(status)) nodes.push_back(node_of(status, destination + "/" + name));
  }
}

bool is_terminal(const Device& node) {
  constexpr unsigned kConsoles = 4;   // tty0, tty1, ..., ttyS0
  constexpr unsigned kTerminals = 5;  // tty, console, ptmx
  return node.type == 'c' && (node.major == kConsoles || node.major == kTerminals);
}

}  // namespace

HostDevice parse_device(const std::string& text) {
  HostDevice device;
  const std::size_t first = std::min(text.find(':'), text.size());
  const std::size_t second = std::min(text.find(':', first + 1), text.size());
  device.source = text.substr(0, first);
  device.destination = first < text.size() ? text.substr(first + 1, second - first - 1) : device.source;
  if (second < text.size()) device.access = text.substr(second + 1);
  if (second == text.size() && is_access(device.destination)) {
    device.access = device.destination;
    device.destination = device.source;
  }
  if (device.source.rfind('/', 0) != 0 || device.destination.rfind('/', 0) != 0 || !is_access(device.access)) {
    throw Error("read the option --device " + text, 0,
                "it is written HOST[:CONTAINER[:rwm]], with absolute paths: /dev/fuse:/dev/fuse:rw");
  }
  return device;
}

std::vector<Device> nodes_of(const HostDevice& device) {
  struct stat status {};
  if (stat(device.source.c_str(), &status) != 0) throw Error("give the container " + device.source, errno);
  std::vector<Device> nodes;
  if (S_ISDIR(status.st_mode)) add_below(device.source, device.destination, status.st_dev, nodes);
  if (is_device(status)) nodes.push_back(node_of(status, device.destination));
  if (nodes.empty()) throw Error("give the container " + device.source, ENODEV, "it is no device, and has none in it");
  return nodes;
}

std::vector<Device> all_nodes() {
  std::vector<Device> nodes;
  struct stat status {};
  if (stat("/dev", &status) == 0) add_below("/dev", "/dev", status.st_dev, nodes);
  std::erase_if(nodes, is_terminal);
  return nodes;
}

}  // namespace coracle::engine
