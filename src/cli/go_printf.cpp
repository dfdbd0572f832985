#include "cli/go_printf.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>

namespace coracle::cli {
namespace {

constexpr int kWidest = 10'000;

// What stands between % and its letter.
struct Directive {
  bool left = false, zeros = false, sign = false;
  int width = 0, precision = -1;
  char letter = 0;
};

// Reads one directive behind its %, and goes behind it.
Directive read_directive(const std::string& format, std::size_t& at) {
  Directive directive;
  const auto number = [&] {
    int value = 0;
    for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at)
      value = std::min(kWidest, value * 10 + format[at] - '0');
    return value;
  };
  for (; at < format.size() && std::string_view("-0+ #").find(format[at]) != std::string_view::npos; ++at) {
    directive.left |= format[at] == '-';
    directive.zeros |= format[at] == '0';
    directive.sign |= format[at] == '+';
  }
  directive.width = number();
  if (at < format.size() && format[at] == '.') {
    ++at;
    directive.precision = number();
  }
  if (at < format.size()) directive.letter = format[at++];
  return directive;
}

std::string hexadecimal(const std::string& text, bool large) {
  std::string digits;
  for (const char c : text) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  if (large)
    std::transform(digits.begin(), digits.end(), digits.begin(), [](unsigned char c) { return std::toupper(c); });
  return digits;
}

std::string go_type(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_number_float()) return "float64";
  if (value.is_number()) return "int";
  return value.is_array() ? "[]interface {}" : value.is_object() ? "map[string]interface {}" : "<nil>";
}

std::string real(const Directive& directive, const Json& value) {
  const int precision = directive.precision < 0 && directive.letter != 'g' ? 6 : directive.precision;
  const auto number = value.get<double>();
  if (directive.letter == 'e') return fmt::format("{:.{}e}", number, precision);
  if (directive.letter == 'f') return fmt::format("{:.{}f}", number, precision);
  return precision < 0 ? fmt::format("{:g}", number) : fmt::format("{:.{}g}", number, precision);
}

std::string number(const Directive& directive, const Json& value) {
  const auto whole = value.get<std::int64_t>();
  switch (directive.letter) {
    case 'x':
      return fmt::format("{:x}", whole);
    case 'X':
      return fmt::format("{:X}", whole);
    case 'o':
      return fmt::format("{:o}", whole);
    case 'b':
      return fmt::format("{:b}", whole);
    case 'c':
      return std::string(1, static_cast<char>(whole));
    default:
      return (directive.sign && whole >= 0 ? "+" : "") + std::to_string(whole);
  }
}

std::string print(const Directive& directive, const Json& value) {
  const auto takes = [&](std::string_view letters) { return letters.find(directive.letter) != std::string_view::npos; };
  if (directive.letter == 'T') return go_type(value);
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (takes("sv"))
      return text.substr(0, directive.precision < 0 ? text.size() : static_cast<std::size_t>(directive.precision));
    if (takes("q")) return json_line(value);
    if (takes("xX")) return hexadecimal(text, directive.letter == 'X');
  } else if (value.is_number_integer()) {
    if (takes("dvxXobc")) return number(directive, value);
  } else if (value.is_number_float()) {
    if (takes("v")) return go_text(value);
    if (takes("feg")) return real(directive, value);
  } else if (value.is_boolean() ? takes("tv") : takes("svd")) {
    return go_text(value);
  }
  return fmt::format("%!{}({}={})", directive.letter, go_type(value), go_text(value));
}

void pad(std::string& text, const Directive& directive, bool is_number) {
  const auto width = static_cast<std::size_t>(directive.width);
  const auto size = static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
  if (size >= width) return;
  const bool zeros = directive.zeros && !directive.left && is_number;
  const bool signed_number = zeros && (text[0] == '-' || text[0] == '+');
  const std::size_t place = directive.left ? text.size() : signed_number ? 1 : 0;
  text.insert(place, width - size, zeros ? '0' : ' ');
}

std::string real_text(double number) {
  std::string text = fmt::format("{}", number);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string list_text(const Json& list) {
  std::string text;
  for (const Json& item : list) text += " " + go_text(item);
  return "[" + text.substr(text.empty() ? 0 : 1) + "]";
}

std::string map_text(const Json& map) {
  std::map<std::string, std::string> sorted;
  for (const auto& item : map.items()) sorted[item.key()] = go_text(item.value());
  std::string text;
  for (const auto& [key, value] : sorted) text += (text.empty() ? "" : " ") + key + ":" + value;
  return "map[" + text + "]";
}

}  // namespace

std::string go_printf(const std::string& format, const std::vector<Json>& values) {
  std::string text;
  std::size_t used = 0;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      text += format[at++];
      continue;
    }
    const Directive directive = read_directive(format, ++at);
    if (directive.letter == '%') {
      text += '%';
    } else if (directive.letter == 0) {
      text += "%!(NOVERB)";
    } else if (used == values.size()) {
      text += std::string("%!") + directive.letter + "(MISSING)";
    } else {
      const Json& value = values[used++];
      std::string printed = print(directive, value);
      pad(printed, directive, value.is_number());
      text += printed;
    }
  }
  for (; used < values.size(); ++used) text += "%!(EXTRA " + go_type(values[used]) + "=" + go_text(values[used]) + ")";
  return text;
}

std::string go_text(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::discarded:
      return "<no value>";
    case Json::value_t::null:
      return "[]";  // most of what is null in docker's JSON is an empty list
    case Json::value_t::number_float:
      return real_text(value.get<double>());
    case Json::value_t::array:
      return list_text(value);
    case Json::value_t::object:
      return map_text(value);
    default:
      return value.dump();
  }
}

bool go_true(const Json& value) {
  if (value.is_null() || value.is_discarded()) return false;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  return value.is_string() ? !value.get_ref<const std::string&>().empty() : !value.empty();
}

std::string json_line(const Json& value) {
  if (value.is_discarded()) return "null";
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace coracle::cli
