#include "cli/filters.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

#include <fmt/ranges.h>

#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

// Go's time.ParseDuration: "1h30m", "1.5s". -1 for what is none.
std::int64_t parse_duration(const std::string& text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {{"ns", 1},   {"us", 1e3}, {"µs", 1e3},
                                                                   {"ms", 1e6},  // before those that they begin with
                                                                   {"s", 1e9},  {"m", 60e9}, {"h", 3600e9}};
  std::string_view rest = text;
  double sum = 0;
  while (!rest.empty()) {
    double number = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (read.ec != std::errc() || number < 0) return -1;
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                    [&](const auto& known) { return rest.starts_with(known.first); });
    if (unit == std::end(kUnits)) return -1;
    rest.remove_prefix(unit->first.size());
    sum += number * unit->second;
  }
  return text.empty() || sum > 9e18 ? -1 : static_cast<std::int64_t>(sum);
}

// A fraction of a second, as the digits behind its point.
std::int64_t parse_fraction(std::string digits) {
  digits.resize(9, '0');
  return std::strtoll(digits.c_str(), nullptr, 10);
}

// Seconds since 1970. -1 for what is none.
std::int64_t parse_unix(const std::string& text) {
  std::int64_t seconds = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, seconds);
  if (read.ec != std::errc() || seconds < 0 || seconds > INT64_MAX / kSecond - 1) return -1;
  if (read.ptr == end) return seconds * kSecond;
  const std::string digits(*read.ptr == '.' ? read.ptr + 1 : "", *read.ptr == '.' ? end : "");
  const bool good =
      *read.ptr == '.' && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return good ? seconds * kSecond + parse_fraction(digits) : -1;
}

// "2026-01-02T15:04:05.5Z", "2026-01-02T15:04+02:00", "2026-01-02": without a zone it is the local time.
std::int64_t parse_date(const std::string& text) {
  std::tm time{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%d", &time);
  if (rest == nullptr) return -1;
  for (const char* more : {"T%H", ":%M", ":%S"}) {
    if (const char* after = strptime(rest, more, &time)) rest = after;
  }
  std::int64_t fraction = 0;
  if (*rest == '.') {
    const std::size_t digits = std::string_view(++rest).find_first_not_of("0123456789");
    fraction = parse_fraction(std::string(rest).substr(0, digits));
    rest += std::min(digits, std::string_view(rest).size());
  }
  if (*rest == '\0') {
    time.tm_isdst = -1;
    return std::mktime(&time) * kSecond + fraction;
  }
  int hours = 0;
  int minutes = 0;
  if (std::string_view(rest) != "Z" && (std::string_view("+-").find(*rest) == std::string_view::npos ||
                                        std::sscanf(rest + 1, "%2d:%2d", &hours, &minutes) != 2)) {
    return -1;
  }
  const std::int64_t offset = hours * 3600 + minutes * 60;
  return (timegm(&time) - (*rest == '-' ? -offset : offset)) * kSecond + fraction;
}

}  // namespace

void Filters::declare(Options& options) {
  options.value('f', "filter", "KEY=VALUE", "Those alone that it fits", [this](const std::string& text) { add(text); });
}

void Filters::add(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error("read the filter " + text, 0, "bad format of filter (expected name=value)");
  // "label!=x" is the key "label!", and blanks and capitals of a key mean nothing.
  std::string key = text.substr(0, equals);
  std::erase(key, ' ');
  std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::find(keys_.begin(), keys_.end(), key) == keys_.end())
    throw Error("read the filter " + text, 0,
                fmt::format("invalid filter '{}'; there are {}", key, fmt::join(keys_, ", ")));
  std::string value = text.substr(equals + 1);
  value.erase(0, value.find_first_not_of(' '));
  value.erase(value.find_last_not_of(' ') + 1);
  values_[key].push_back(std::move(value));
}

const std::vector<std::string>& Filters::values(const std::string& key) const {
  static const std::vector<std::string> none;
  const auto found = values_.find(key);
  return found == values_.end() ? none : found->second;
}

bool Filters::any(const std::string& key, const std::function<bool(const std::string&)>& fits) const {
  return !given(key) || std::any_of(values(key).begin(), values(key).end(), fits);
}

bool Filters::flag(const std::string& key, bool is) const {
  return any(key, [&](const std::string& value) {
    const bool yes = value == "true" || value == "1";
    if (!yes && value != "false" && value != "0")
      throw Error("read the filter " + key + "=" + value, 0, "it is true or false");
    return yes == is;
  });
}

bool Filters::labels(const std::map<std::string, std::string>& labels, const std::string& key) const {
  const auto fits = [&](const std::string& wanted) {
    const std::size_t equals = wanted.find('=');
    const auto found = labels.find(wanted.substr(0, equals));
    return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
  };
  if (key.ends_with('!')) return std::none_of(values(key).begin(), values(key).end(), fits);
  return std::all_of(values(key).begin(), values(key).end(), fits);
}

std::int64_t parse_moment(const std::string& text) {
  if (const std::int64_t moment = parse_unix(text); moment >= 0) return moment;
  if (const std::int64_t ago = parse_duration(text); ago >= 0) return now() - ago;
  if (const std::int64_t moment = parse_date(text); moment >= 0) return moment;
  throw Error("read the time " + text, 0,
              "it is a number of seconds since 1970, 2026-01-02T15:04:05Z, or how long ago: 1h30m");
}

}  // namespace coracle::cli
