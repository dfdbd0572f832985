// What the words of -v, --tmpfs and --mount have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coracle::parts {

std::vector<std::string> split(const std::string& text, char separator);

// From the working directory, without "." and "..".
std::string absolute_path(const std::string& path);

// Docker's RAMInBytes, in whole numbers; an octal number up to 7777. Throw Error.
std::uint64_t parse_size(const std::string& text);
unsigned parse_mode(const std::string& text);

// "rslave", "shared", ...
bool is_propagation(const std::string& word);

}  // namespace coracle::parts
