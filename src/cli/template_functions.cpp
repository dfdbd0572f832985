// The functions of templates: Go's own, and docker's json, split, join, title, lower, upper, pad and truncate.
#include <algorithm>
#include <cctype>
#include <map>

#include <fmt/format.h>

#include "cli/go_printf.hpp"
#include "cli/template.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using Values = std::vector<Json>;

[[noreturn]] void fail(const std::string& function, const std::string& why) {
  throw kernel::Error("fill in the template: " + function, 0, why).with_status(1);
}

void check_count(const std::string& function, const Values& values, std::size_t least, std::size_t most) {
  if (values.size() >= least && values.size() <= most) return;
  fail(function, fmt::format("it takes {} values and was given {}", least, values.size()));
}

const std::string& text(const std::string& function, const Json& value) {
  static const std::string nothing;
  if (value.is_null() || value.is_discarded()) return nothing;
  if (!value.is_string()) fail(function, json_line(value) + " is no text");
  return value.get_ref<const std::string&>();
}

std::size_t count(const std::string& function, const Json& value) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0) fail(function, json_line(value) + " is no count");
  return value.get<std::size_t>();
}

// -1, 0, 1. Numbers are compared with numbers and text with text.
int compare(const std::string& function, const Json& a, const Json& b) {
  const auto kind = [](const Json& value) { return value.is_number() ? Json::value_t::number_float : value.type(); };
  const bool nothing = a.is_null() || b.is_null() || a.is_discarded() || b.is_discarded();
  if (nothing) return (a.is_null() || a.is_discarded()) == (b.is_null() || b.is_discarded()) ? 0 : 1;
  if (kind(a) != kind(b) || a.is_structured())
    fail(function, json_line(a) + " and " + json_line(b) + " do not compare");
  return a == b ? 0 : a < b ? -1 : 1;
}

Json equal(const Values& values) {
  if (values.size() < 2) fail("eq", "it takes two values");
  return std::any_of(values.begin() + 1, values.end(),
                     [&](const Json& value) { return compare("eq", values[0], value) == 0; });
}

TemplateFunction comparison(const char* name, bool (*holds)(int)) {
  return [=](const Values& values) -> Json {
    check_count(name, values, 2, 2);
    return holds(compare(name, values[0], values[1]));
  };
}

TemplateFunction of_text(const char* name, std::string (*change)(std::string)) {
  return [=](const Values& values) -> Json {
    check_count(name, values, 1, 1);
    return change(text(name, values[0]));
  };
}

std::string lower(std::string word) {
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

std::string upper(std::string word) {
  for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return word;
}

std::string title(std::string words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i == 0 || words[i - 1] == ' ') words[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(words[i])));
  }
  return words;
}

Json length(const Values& values) {
  check_count("len", values, 1, 1);
  if (values[0].is_string()) return values[0].get_ref<const std::string&>().size();
  if (!values[0].is_structured() && !values[0].is_null()) fail("len", json_line(values[0]) + " has no length");
  return values[0].size();
}

// A map of texts gives "" for a key that it has not, as Go's map[string]string does.
Json at(const Json& value, const Json& key) {
  if (value.is_object()) {
    const auto found = value.find(text("index", key));
    if (found != value.end()) return *found;
    const bool of_texts = std::all_of(value.begin(), value.end(), [](const Json& other) { return other.is_string(); });
    return of_texts ? Json("") : no_value();
  }
  if (value.is_null() && key.is_string()) return "";
  if (!value.is_array()) fail("index", json_line(value) + " is neither a list nor a map");
  const std::size_t position = count("index", key);
  if (position >= value.size()) fail("index", fmt::format("{} is behind the end of the list", position));
  return value[position];
}

Json index(const Values& values) {
  if (values.empty()) fail("index", "it takes a list or a map");
  Json value = values[0];
  for (std::size_t i = 1; i < values.size(); ++i) value = at(value, values[i]);
  return value;
}

Json slice(const Values& values) {
  check_count("slice", values, 1, 3);
  const bool list = values[0].is_array();
  const std::size_t size = list ? values[0].size() : text("slice", values[0]).size();
  const std::size_t begin = values.size() > 1 ? count("slice", values[1]) : 0;
  const std::size_t end = values.size() > 2 ? count("slice", values[2]) : size;
  if (begin > end || end > size) fail("slice", fmt::format("{} to {} is outside of {}", begin, end, size));
  if (!list) return text("slice", values[0]).substr(begin, end - begin);
  return Values(values[0].begin() + static_cast<std::ptrdiff_t>(begin),
                values[0].begin() + static_cast<std::ptrdiff_t>(end));
}

Json join(const Values& values) {
  check_count("join", values, 2, 2);
  if (!values[0].is_array() && !values[0].is_null()) fail("join", json_line(values[0]) + " is no list");
  std::string joined;
  const std::string& between = text("join", values[1]);
  for (const Json& item : values[0]) joined += between + go_text(item);
  return values[0].empty() ? "" : joined.substr(between.size());
}

Json split(const Values& values) {
  check_count("split", values, 2, 2);
  const std::string& whole = text("split", values[0]);
  const std::string& by = text("split", values[1]);
  if (by.empty()) fail("split", "what stands between the words is missing");
  Json words = Json::array();
  std::size_t begin = 0;
  for (std::size_t end; (end = whole.find(by, begin)) != std::string::npos; begin = end + by.size())
    words.push_back(whole.substr(begin, end - begin));
  words.push_back(whole.substr(begin));
  return words;
}

Json truncate(const Values& values) {
  check_count("truncate", values, 2, 2);
  return text("truncate", values[0]).substr(0, count("truncate", values[1]));
}

Json pad(const Values& values) {
  check_count("pad", values, 3, 3);
  const std::string& word = text("pad", values[0]);
  if (word.empty()) return "";
  return std::string(count("pad", values[1]), ' ') + word + std::string(count("pad", values[2]), ' ');
}

// As fmt.Sprint: a blank between two values of which none is a text; with `line` always.
std::string print(const Values& values, bool line) {
  std::string printed;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && (line || (!values[i].is_string() && !values[i - 1].is_string()))) printed += ' ';
    printed += go_text(values[i]);
  }
  return line ? printed + '\n' : printed;
}

Json format(const Values& values) {
  if (values.empty()) fail("printf", "the format is missing");
  return go_printf(text("printf", values[0]), {values.begin() + 1, values.end()});
}

Json last(const Values& values) {  // what and and or come to when no value decided before
  if (values.empty()) fail("and, or", "they take a value");
  return values.back();
}

const std::map<std::string, TemplateFunction, std::less<>>& functions() {
  static const std::map<std::string, TemplateFunction, std::less<>> all = {
      {"and", last},
      {"or", last},
      {"not",
       [](const Values& values) -> Json {
         check_count("not", values, 1, 1);
         return !go_true(values[0]);
       }},
      {"eq", equal},
      {"ne", comparison("ne", [](int order) { return order != 0; })},
      {"lt", comparison("lt", [](int order) { return order < 0; })},
      {"le", comparison("le", [](int order) { return order <= 0; })},
      {"gt", comparison("gt", [](int order) { return order > 0; })},
      {"ge", comparison("ge", [](int order) { return order >= 0; })},
      {"len", length},
      {"index", index},
      {"slice", slice},
      {"print", [](const Values& values) -> Json { return print(values, false); }},
      {"println", [](const Values& values) -> Json { return print(values, true); }},
      {"printf", format},
      {"json",
       [](const Values& values) -> Json {
         check_count("json", values, 1, 1);
         return json_line(values[0]);
       }},
      {"join", join},
      {"split", split},
      {"lower", of_text("lower", lower)},
      {"upper", of_text("upper", upper)},
      {"title", of_text("title", title)},
      {"truncate", truncate},
      {"pad", pad},
  };
  return all;
}

}  // namespace

const TemplateFunction* find_template_function(std::string_view name) {
  const auto found = functions().find(name);
  return found == functions().end() ? nullptr : &found->second;
}

}  // namespace coracle::cli
