// --filter KEY=VALUE, as docker reads it: of values of one key one has to fit, of several keys each.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/options.hpp"

namespace coracle::cli {

class Filters {
 public:
  // The keys that there are.
  explicit Filters(std::vector<std::string> keys) : keys_(std::move(keys)) {}

  // --filter and -f.
  void declare(Options& options);

  // Throws Error when the text is no KEY=VALUE, or there is no such key.
  void add(const std::string& text);

  bool given(const std::string& key) const { return values_.contains(key); }
  // None when the key was not given.
  const std::vector<std::string>& values(const std::string& key) const;

  // Whether the key was not given, or one of its values fits.
  bool any(const std::string& key, const std::function<bool(const std::string&)>& fits) const;

  // The same of a key whose value is true or false. Throws Error for another.
  bool flag(const std::string& key, bool is) const;

  // label=NAME and label=NAME=VALUE: here all have to fit. With `key` "label!", none.
  bool labels(const std::map<std::string, std::string>& labels, const std::string& key = "label") const;

 private:
  std::vector<std::string> keys_;
  std::map<std::string, std::vector<std::string>> values_;
};

// A moment as docker's --since, --until and filters have it, in nanoseconds since 1970: seconds since 1970 with or
// without a fraction, RFC 3339 with less and less of it ("2026-01-02"), or how long ago ("1h30m"). Throws Error.
std::int64_t parse_moment(const std::string& text);

}  // namespace coracle::cli
