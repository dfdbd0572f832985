#include "parts/confine/powers.hpp"

#include "kernel/recorder.hpp"

namespace coracle::parts {

using kernel::Capabilities;
using kernel::Error;

CapabilityOptions available(const std::optional<CapabilityOptions>& chosen) {
  const Capabilities ours = kernel::capget().permitted;
  if (!chosen) return {.bounding = ours, .permitted = ours, .effective = ours};
  for (int number = 0; number < 64; ++number) {
    if ((chosen->demanded & ~ours) >> static_cast<unsigned>(number) & 1U) {
      throw Error("give the container " + kernel::capability_name(number), EPERM,
                  "coracle itself does not have it here");
    }
  }
  return {.bounding = chosen->bounding & ours,
          .permitted = chosen->permitted & ours,
          .effective = chosen->effective & chosen->permitted & ours,
          .inheritable = chosen->inheritable & ours,
          .ambient = chosen->ambient & chosen->permitted & chosen->inheritable & ours};
}

void regain_effective() {
  const kernel::CapabilitySets sets = kernel::capget();
  if (sets.effective != sets.permitted) kernel::capset({sets.permitted, sets.permitted, sets.inheritable});
}

// What execve makes of a user's capabilities is the ambient set; root's come back from the bounding set
// (capabilities(7), "Transformation of capabilities during execve()"). Here they are as execve will leave them, so that
// the program is looked for with no more power than it will have.
void give_up(const CapabilityOptions& chosen, const User& user) {
  if (user.uid == 0) {
    kernel::capset({chosen.effective, chosen.permitted, chosen.inheritable});
  } else {
    kernel::capset({chosen.ambient, chosen.ambient, chosen.inheritable});
  }
  // What cannot be inherited is not ambient either: then capset(2) has emptied that set.
  if (chosen.inheritable != 0) kernel::set_ambient(chosen.ambient);
}

}  // namespace coracle::parts
