// Times as the JSON of images has them: RFC 3339, in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coracle::image {

// "2026-01-02T03:04:05Z".
std::string rfc3339(std::int64_t seconds_since_1970);

// "2026-01-02T03:04:05.123456789Z".
std::string rfc3339_nano(std::int64_t nanoseconds_since_1970);

// 0 for what is not such a time. Fractions of seconds are cut off.
std::int64_t seconds_of(const std::string& rfc3339);

// SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/): the time that is to be told in place of
// now. Throws Error when it is no number.
std::optional<std::int64_t> source_date_epoch();

// That, or now.
std::int64_t time_of_making();

}  // namespace coracle::image
