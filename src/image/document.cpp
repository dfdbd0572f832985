#include "image/document.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using Json = nlohmann::json;
using kernel::Error;

constexpr std::size_t kMostValues = 200'000;

// Goes through a text without keeping anything of it, up to a number of values. (A callback of Json::parse, which could
// count as well, takes time by the square of what an array holds.)
class Counter : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return more(); }
  bool boolean(bool) override { return more(); }
  bool number_integer(number_integer_t) override { return more(); }
  bool number_unsigned(number_unsigned_t) override { return more(); }
  bool number_float(number_float_t, const string_t&) override { return more(); }
  bool string(string_t&) override { return more(); }
  bool binary(binary_t&) override { return more(); }
  bool start_object(std::size_t) override { return more(); }
  bool key(string_t&) override { return more(); }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return more(); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  bool too_many() const { return values_ > kMostValues; }

 private:
  bool more() { return ++values_ <= kMostValues; }

  std::size_t values_ = 0;
};

}  // namespace

Json parse_json(const char* what, std::string_view text) {
  if (text.size() > kMostDocument) {
    throw Error(fmt::format("read {} of {} bytes", what, text.size()), 0, "4 MiB is the most");
  }
  Counter counter;
  if (text.size() > kMostValues) Json::sax_parse(text, &counter);  // each value takes a byte at least
  if (counter.too_many()) throw Error(fmt::format("read {} of more than {} values", what, kMostValues), 0);
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Error(fmt::format("read {}", what), 0, "it is not JSON");
  return json;
}

Json parse_document(const char* what, std::string_view text) {
  Json json = parse_json(what, text);
  if (!json.is_object()) throw Error(fmt::format("read {}", what), 0, "it is not a JSON object");
  return json;
}

}  // namespace coracle::image
