// Times as the JSON of images has them: RFC 3339, in UTC.
#pragma once

#include <cstdint>
#include <string>

namespace coracle::image {

// "2026-01-02T03:04:05Z".
std::string rfc3339(std::int64_t seconds_since_1970);

// 0 for what is not such a time. Fractions of seconds are cut off.
std::int64_t seconds_of(const std::string& rfc3339);

}  // namespace coracle::image
