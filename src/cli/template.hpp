// Go templates, as people write them behind docker's --format, over JSON: https://pkg.go.dev/text/template, without
// nested definitions. Debian has no library of them for C++ (those that it has are Jinja's or Mustache's).
// Read by template_parse.cpp, filled by template_fill.cpp, with the functions of template_functions.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace coracle::cli {

using Json = nlohmann::ordered_json;

class Template {
 public:
  enum class Escapes { kept, read };  // whether \t and \n outside of actions stand for a tab and a new line

  // Throws Error with the status 1 when the text is not a template.
  explicit Template(const std::string& text, Escapes escapes = Escapes::kept);

  // Throws Error with the status 1 for a field that is not there, and for what a function cannot take.
  std::string fill(const Json& fields) const;

  // The same for the head of a table: functions give their first argument back as it is, as docker has it.
  std::string head(const Json& headings) const;

 private:
  friend class TemplateParser;
  friend class TemplateFiller;

  struct Pipeline;
  // What stands between two blanks: .A.B, $name.A, "text", 42, (pipeline).A, or the name of a function.
  struct Operand {
    enum Kind { dot, variable, literal, function, group } kind = dot;
    std::string name;
    Json value;
    std::shared_ptr<Pipeline> pipeline;
    std::vector<std::string> fields;
  };
  using Command = std::vector<Operand>;
  struct Pipeline {
    std::vector<std::string> variables;  // in front of := or =
    bool declares = false;
    std::vector<Command> commands;
  };
  struct Node {
    enum Kind { text, action, condition, loop, with, leave, next } kind = text;
    std::string written;
    Pipeline pipeline;
    std::vector<Node> body, otherwise;
  };

  std::vector<Node> nodes_;
};

// A value as Go prints it: text, [a b], map[a:b]. What is missing is <no value>.
std::string go_text(const Json& value);

// Go's truth: what is empty, zero or not there is false.
bool go_true(const Json& value);

// A missing key of a map, which is no error and not null either.
inline Json no_value() { return Json(Json::value_t::discarded); }

// The functions that templates may call. Throw Error.
using TemplateFunction = std::function<Json(const std::vector<Json>&)>;
const TemplateFunction* find_template_function(std::string_view name);

// JSON on one line; bytes that are no UTF-8 are replaced.
std::string json_line(const Json& value);

}  // namespace coracle::cli
