// Capabilities, the pieces that root's power is cut into: capabilities(7), capset(2), PR_CAPBSET_DROP and
// PR_CAP_AMBIENT in prctl(2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coracle::kernel {

// A set: bit N stands for the capability with the number N in <linux/capability.h>.
using Capabilities = std::uint64_t;

// Of a name with or without CAP_, in letters of any case: "net_raw". Nothing when there is no such capability.
std::optional<int> capability_number(const std::string& name);

// "CAP_NET_RAW"; the number, when it is newer than this program.
std::string capability_name(int number);

// All that this kernel has. Those above the last one that we know by name are among them.
Capabilities known_capabilities();

// The three sets of this thread that capset(2) changes.
struct CapabilitySets {
  Capabilities effective = 0, permitted = 0, inheritable = 0;
};

CapabilitySets capget();
void capset(const CapabilitySets& sets);

// Drops from the bounding set of this thread what is not in `kept`. Needs CAP_SETPCAP; nothing takes it back.
void limit_bounding_set(Capabilities kept);

// The ambient set becomes these and no others. Each must be permitted and inheritable.
void set_ambient(Capabilities ambient);

}  // namespace coracle::kernel
