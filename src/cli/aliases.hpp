// The other names that docker has for commands: "image ls" is "images", "container rm" is "rm".
#pragma once

#include <string>
#include <vector>

namespace coracle::cli {

// Takes the name of a command from the front of the words, and gives the one by which it is known here; those of a
// group have two words. What an alias says besides ("image inspect" means images) becomes an option among the words.
std::string take_name(std::vector<std::string>& words);

bool is_group(const std::string& word);

}  // namespace coracle::cli
