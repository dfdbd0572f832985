// Containers of an ordinary user: at the door the process enters a user namespace in which it is root, and from then
// on everything is done as root does it. What is different is found out where it is done, by asking the kernel.
#pragma once

#include <string>

namespace coracle::launch {

// Does nothing for root. Else enters a new user namespace: this user is root in it, and the ids from 1 on are those
// that /etc/subuid and /etc/subgid give to this user. Where they give none, or nobody may write the map, root is the
// only id; then `name` says so on stderr, once, with what that means and how it is mended.
// To be called before anything is made. Throws Error when this host allows no user namespaces.
void become_root_inside(const std::string& name);

// The first half of it: the maps are being written while the caller does what asks for no user and no owner.
void begin_to_become_root_inside(const std::string& name);

// Whether an ordinary user started this process, whatever it is by now.
bool rootless();

// The user who did, as the host numbers it.
unsigned host_uid();

// The name that /etc/passwd has for a user, or else $USER; "" when there is none.
std::string user_name(unsigned uid);

// $XDG_DATA_HOME, or ~/.local/share (the XDG base directory specification). Throws Error when there is no $HOME.
std::string user_data_home();

}  // namespace coracle::launch
