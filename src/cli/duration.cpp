#include "cli/duration.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "engine/engine.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {

using kernel::Error;

std::int64_t read_duration(const std::string& text) {
  const std::pair<std::string_view, double> units[] = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                                       {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  std::string_view rest = text;
  double sum = 0;
  while (!rest.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::string_view unit = rest.substr(0, rest.find_first_of("0123456789."));
    const auto* known =
        std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return u.first == unit; });
    if (error != std::errc() || known == std::end(units) || value < 0) {
      throw Error("read the duration \"" + text + "\"", 0, "write 500ms, 30s, 1m30s or 2h");
    }
    sum += value * known->second;
    rest.remove_prefix(unit.size());
  }
  return static_cast<std::int64_t>(sum);
}

std::int64_t read_time(const std::string& text) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && seconds >= 0 && seconds < 9e9)
    return static_cast<std::int64_t>(seconds * kSecond);
  if (const std::int64_t moment = image::seconds_of(text); moment != 0) return moment * kSecond;
  try {
    return engine::now() - read_duration(text);
  } catch (const Error&) {
    throw Error("read the time \"" + text + "\"", 0, "write 2026-01-02T03:04:05Z, seconds since 1970, or 10m (ago)");
  }
}

}  // namespace coracle::cli
