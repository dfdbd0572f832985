#include "image/time.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include <fmt/format.h>

#include "kernel/error.hpp"

namespace coracle::image {

std::string rfc3339(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[sizeof "2026-01-01T00:00:00Z" + 8];  // years have more than four digits some day
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string rfc3339_nano(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::string text = rfc3339(nanoseconds / kSecond);
  text.pop_back();
  return fmt::format("{}.{:09}Z", text, nanoseconds % kSecond);
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

std::optional<std::int64_t> source_date_epoch() {
  const char* value = std::getenv("SOURCE_DATE_EPOCH");
  if (value == nullptr || *value == '\0') return std::nullopt;
  const std::string_view text = value;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) {
    throw kernel::Error("read SOURCE_DATE_EPOCH=" + std::string(text), 0, "it is a number of seconds since 1970");
  }
  return seconds;
}

std::int64_t time_of_making() { return source_date_epoch().value_or(std::time(nullptr)); }

}  // namespace coracle::image
