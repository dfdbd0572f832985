// Template's writer: text/template/exec.
#include <algorithm>
#include <map>
#include <set>

#include "cli/template.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  throw Error("fill in the template: " + what, 0, why).with_status(1);
}

// Fields that docker's structures have and that its JSON, or an image's author, leaves out when they are empty: asking
// for them is no error.
const Json* empty_field(const std::string& field) {
  static const Json list = Json::array(), map = Json::object(), text = "", nothing = no_value();
  static const std::map<std::string, const Json*> all = {{"Health", &nothing},
                                                         {"Healthcheck", &nothing},
                                                         {"StopTimeout", &nothing},
                                                         {"UsageData", &nothing},
                                                         {"StopSignal", &text},
                                                         {"User", &text},
                                                         {"WorkingDir", &text},
                                                         {"Variant", &text},
                                                         {"Cmd", &list},
                                                         {"Entrypoint", &list},
                                                         {"Env", &list},
                                                         {"OnBuild", &list},
                                                         {"Shell", &list},
                                                         {"ExposedPorts", &map},
                                                         {"Volumes", &map},
                                                         {"Labels", &map},
                                                         {"Status", &map}};
  const auto found = all.find(field);
  return found == all.end() ? nullptr : found->second;
}

// Go exports no name that begins with a small letter: such a one is the key of a map, which may be missing.
bool is_key(const std::string& field) { return field[0] < 'A' || field[0] > 'Z'; }

const Json& field_of(const Json& value, const std::string& field) {
  static const Json missing = no_value();
  if (value.is_null() || value.is_discarded()) fail("." + field, "there is nothing that it could be a field of");
  if (!value.is_object()) fail("." + field, "what it is asked of has no fields");
  if (const auto found = value.find(field); found != value.end()) return *found;
  if (is_key(field)) return missing;
  if (const Json* empty = empty_field(field)) return *empty;
  fail("." + field, "there is no such field");
}

const Json& follow(const Json& value, const std::vector<std::string>& fields) {
  const Json* at = &value;
  for (const std::string& field : fields) at = &field_of(*at, field);
  return *at;
}

// Of docker's functions: a heading is no text that they could cut or no list that they could join.
bool leaves_heads(const std::string& function) {
  static const std::set<std::string> all = {"json", "split", "join", "title", "lower", "upper", "truncate"};
  return all.contains(function);
}

// The one method with an argument that docker's lists have: {{.Label "name"}}, out of the Labels "a=1,b=2".
std::string label(const Json& row, const std::string& name, bool head) {
  if (head) {
    std::string last = name.substr(name.rfind('.') + 1);
    std::replace_if(
        last.begin(), last.end(), [](char c) { return c == '-' || c == '_'; }, ' ');
    return last;
  }
  const std::string labels = "," + row.value("Labels", "");
  const std::size_t at = labels.find("," + name + "=");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + name.size() + 2;
  return labels.substr(begin, labels.find(',', begin) - begin);
}

enum class Jump { none, leave, next };

}  // namespace

class TemplateFiller {
 public:
  TemplateFiller(const Json& root, bool head) : head_(head), variables_{{"", root}} {}

  Jump write(const std::vector<Template::Node>& nodes, const Json& dot) {
    for (const Template::Node& node : nodes) {
      const Jump jump = write(node, dot);
      if (jump != Jump::none) return jump;
    }
    return Jump::none;
  }

  std::string text;

 private:
  using Node = Template::Node;
  using Operand = Template::Operand;

  Jump write(const Node& node, const Json& dot) {
    if (node.kind == Node::leave) return Jump::leave;
    if (node.kind == Node::next) return Jump::next;
    if (node.kind == Node::text) {
      text += node.written;
      return Jump::none;
    }
    if (node.kind == Node::action) {
      const Json value = evaluate(node.pipeline, dot);
      if (node.pipeline.variables.empty()) text += go_text(value);
      return Jump::none;
    }
    const std::size_t scope = variables_.size();
    const Jump jump = node.kind == Node::loop ? loop(node, dot) : choose(node, dot);
    variables_.resize(scope);
    return jump;
  }

  Jump choose(const Node& node, const Json& dot) {
    const Json value = evaluate(node.pipeline, dot);
    if (!go_true(value)) return write(node.otherwise, dot);
    return write(node.body, node.kind == Node::with ? value : dot);
  }

  Jump loop(const Node& node, const Json& dot) {
    Template::Pipeline pipeline = node.pipeline;
    pipeline.variables.clear();
    const Json over = evaluate(pipeline, dot);
    if (!go_true(over)) return write(node.otherwise, dot);
    if (!over.is_structured()) fail("{{range}}", "it goes over lists and maps, and not over " + json_line(over));
    std::vector<std::pair<Json, const Json*>> items;
    for (const auto& item : over.items()) {
      items.emplace_back(over.is_array() ? Json(items.size()) : Json(item.key()), &item.value());
    }
    if (over.is_object()) {  // Go goes over maps in the order of their keys
      std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    const std::size_t scope = variables_.size();
    for (const auto& [key, value] : items) {
      variables_.resize(scope);
      const std::vector<std::string>& names = node.pipeline.variables;
      if (names.size() == 2) variables_.emplace_back(names[0], key);
      if (!names.empty()) variables_.emplace_back(names.back(), *value);
      if (write(node.body, *value) == Jump::leave) break;
    }
    return Jump::none;
  }

  Json evaluate(const Template::Pipeline& pipeline, const Json& dot) {
    Json value;
    for (std::size_t i = 0; i < pipeline.commands.size(); ++i) {
      value = command(pipeline.commands[i], dot, i == 0 ? nullptr : &value);
    }
    for (const std::string& name : pipeline.variables) {
      pipeline.declares ? void(variables_.emplace_back(name, value)) : void(variable(name) = value);
    }
    return value;
  }

  // `piped` is what the command in front of it gave: its last argument.
  Json command(const Template::Command& command, const Json& dot, const Json* piped) {
    const Operand& first = command[0];
    if (first.kind == Operand::function) return follow(call(command, dot, piped), first.fields);
    if (command.size() == 2 && piped == nullptr && first.fields == std::vector<std::string>{"Label"} && dot.is_object())
      return label(dot, go_text(operand(command[1], dot)), head_);
    if (command.size() > 1 || piped != nullptr) fail("give a value to what is no function", "a function comes first");
    return operand(first, dot);
  }

  Json call(const Template::Command& command, const Json& dot, const Json* piped) {
    const std::string& name = command[0].name;
    const bool stops = name == "and" || name == "or";  // at the first value that decides
    std::vector<Json> arguments;
    for (std::size_t i = 1; i < command.size(); ++i) {
      arguments.push_back(operand(command[i], dot));
      if (stops && go_true(arguments.back()) == (name == "or")) return arguments.back();
    }
    if (piped != nullptr) arguments.push_back(*piped);
    if (head_ && leaves_heads(name) && !arguments.empty()) return arguments[0];
    return (*find_template_function(name))(arguments);
  }

  Json operand(const Operand& operand, const Json& dot) {
    switch (operand.kind) {
      case Operand::dot:
        return follow(dot, operand.fields);
      case Operand::variable:
        return follow(variable(operand.name), operand.fields);
      case Operand::group:
        return follow(evaluate(*operand.pipeline, dot), operand.fields);
      case Operand::function:
        return follow(call({operand}, dot, nullptr), operand.fields);
      case Operand::literal:
        break;
    }
    return operand.value;
  }

  Json& variable(const std::string& name) {
    const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                    [&](const auto& variable) { return variable.first == name; });
    if (found == variables_.rend()) fail("$" + name, "there is no such variable");
    return found->second;
  }

  const bool head_;
  std::vector<std::pair<std::string, Json>> variables_;  // the innermost last; "" is $
};

std::string Template::fill(const Json& fields) const {
  TemplateFiller filler(fields, false);
  filler.write(nodes_, fields);
  return std::move(filler.text);
}

std::string Template::head(const Json& headings) const {
  TemplateFiller filler(headings, true);
  filler.write(nodes_, headings);
  return std::move(filler.text);
}

}  // namespace coracle::cli
