// Keys that the kernel keeps for processes: keyrings(7), session-keyring(7).
#pragma once

namespace coracle::kernel {

// Takes a new, empty session keyring (KEYCTL_JOIN_SESSION_KEYRING in keyctl(2)): the keys of who started us are out of
// reach. False when this kernel has no keys, or somebody around us forbids the call: then nobody inside can use one.
bool join_new_session_keyring();

}  // namespace coracle::kernel
