// The way from a container's name to its id past the database, which is slow to open: a link with the name that leads
// to the id, in a directory of the data root. The database alone says whose a name is. The link is made when the name
// is taken there, and removed before it is given back; what was killed in between leaves a link that leads nowhere.
#pragma once

#include <string>

namespace coracle::engine {

void link_name(const std::string& data_root, const std::string& name, const std::string& id);
void unlink_name(const std::string& data_root, const std::string& name);

// The id of the container with this name or this whole id; "" when only the database may know.
std::string linked_id(const std::string& data_root, const std::string& text);

}  // namespace coracle::engine
