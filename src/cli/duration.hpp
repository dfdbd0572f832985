// Times and durations as docker's options have them.
#pragma once

#include <cstdint>
#include <string>

namespace coracle::cli {

// Go's durations, in nanoseconds: "1m30s", "500ms", "1.5h". Throws Error.
std::int64_t read_duration(const std::string& text);

// A moment, in nanoseconds since 1970: RFC 3339, seconds since 1970 ("1767323045.5"), or a duration before now.
std::int64_t read_time(const std::string& text);

}  // namespace coracle::cli
