#include "image/time.hpp"

#include <cstdio>
#include <ctime>

namespace coracle::image {

std::string rfc3339(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[sizeof "2026-01-01T00:00:00Z" + 8];  // years have more than four digits some day
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::int64_t seconds_of(const std::string& text) {
  std::tm utc{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest == nullptr) return 0;
  while (*rest == '.' || (*rest >= '0' && *rest <= '9')) ++rest;
  int hours = 0;
  int minutes = 0;
  char sign = 'Z';
  std::int64_t offset = 0;
  if (std::sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) == 3) offset = hours * 3600 + minutes * 60;
  return timegm(&utc) - (sign == '-' ? -offset : offset);
}

}  // namespace coracle::image
