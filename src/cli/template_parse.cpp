// Template's reader: text/template/parse.
#include <algorithm>

#include "cli/template.hpp"
#include "cli/template_cursor.hpp"

namespace coracle::cli {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

class TemplateParser : TemplateCursor {
 public:
  using Node = Template::Node;
  using Nodes = std::vector<Node>;

  TemplateParser(const std::string& text, Template::Escapes escapes)
      : TemplateCursor(text), read_escapes_(escapes == Template::Escapes::read) {}

  Nodes read() {
    Nodes nodes = read_nodes();
    if (!ended_by_.empty()) fail("{{" + ended_by_ + "}} stands alone");
    return nodes;
  }

 private:
  // Up to the {{end}} or {{else}} that is not of a block among them; that word is in ended_by_ then.
  Nodes read_nodes() {
    if (++depth_ > kDeepest) fail("it is nested too deeply");
    Nodes nodes;
    ended_by_.clear();
    for (;;) {
      add_text(nodes);
      if (at_ == text_.size()) break;
      if (!open_action()) continue;
      if (take_word("end") || take_word("else")) break;
      nodes.push_back(read_action());
    }
    --depth_;
    return nodes;
  }

  void add_text(Nodes& nodes) {
    const std::size_t begin = std::min(text_.find("{{", at_), text_.size());
    std::string written = text_.substr(at_, begin - at_);
    at_ = begin;
    if (trim_left_) written.erase(0, written.find_first_not_of(kBlanks));
    const bool trim_right = stands("{{-") && kBlanks.find(peek(3)) != std::string_view::npos;
    if (trim_right) written.erase(written.find_last_not_of(kBlanks) + 1);
    trim_left_ = false;
    if (read_escapes_) {
      replace_all(written, "\\t", "\t");
      replace_all(written, "\\n", "\n");
    }
    if (!written.empty()) nodes.push_back({.kind = Node::text, .written = std::move(written)});
  }

  // Goes behind {{, or behind the whole of a comment: then it is no action.
  bool open_action() {
    at_ += stands("{{-") && kBlanks.find(peek(3)) != std::string_view::npos ? 3 : 2;
    skip_blanks();
    if (!stands("/*")) return true;
    const std::size_t end = text_.find("*/", at_);
    if (end == std::string::npos) fail("a comment is not closed");
    at_ = end + 2;
    close_action();
    return false;
  }

  void close_action() {
    skip_blanks();
    if (stands("-}}")) {
      at_ += 3;
      trim_left_ = true;
    } else if (stands("}}")) {
      at_ += 2;
    } else {
      fail(at_ == text_.size() ? "a {{ is not closed" : some() + " cannot stand there");
    }
  }

  bool take_word(const std::string& word) {
    if (!stands(word) || is_name(peek(word.size()))) return false;
    at_ += word.size();
    if (word == "end" || word == "else") ended_by_ = word;
    return true;
  }

  Node read_action() {
    if (take_word("if")) return read_block(Node::condition, "if");
    if (take_word("with")) return read_block(Node::with, "with");
    if (take_word("range")) return read_block(Node::loop, "range");
    if (take_word("break")) return read_jump(Node::leave, "break");
    if (take_word("continue")) return read_jump(Node::next, "continue");
    for (const char* word : {"define", "template", "block"}) {
      if (take_word(word)) fail(std::string("{{") + word + "}} is not there in a --format");
    }
    Node node{.kind = Node::action, .pipeline = read_pipeline()};
    close_action();
    return node;
  }

  Node read_jump(Node::Kind kind, const std::string& word) {
    if (loops_ == 0) fail("{{" + word + "}} stands outside of a {{range}}");
    close_action();
    return {.kind = kind};
  }

  Node read_block(Node::Kind kind, const std::string& word) {
    Node node{.kind = kind, .pipeline = read_pipeline(kind == Node::loop ? 2 : 1)};
    close_action();
    loops_ += kind == Node::loop ? 1 : 0;
    node.body = read_nodes();
    loops_ -= kind == Node::loop ? 1 : 0;
    if (ended_by_ == "else") {
      skip_blanks();
      // {{else if X}} is an {{if}} of its own within the {{else}}, and has the {{end}} in common with it.
      for (const auto& [name, inner] : {std::pair{"if", Node::condition}, std::pair{"with", Node::with}}) {
        if (kind != Node::loop && take_word(name)) {
          node.otherwise.push_back(read_block(inner, name));
          return node;
        }
      }
      close_action();
      node.otherwise = read_nodes();
    }
    if (ended_by_ != "end") fail("an {{end}} is missing, of {{" + word + "}}");
    ended_by_.clear();
    close_action();
    return node;
  }

  // [$a[, $b] :=] command | command...
  Template::Pipeline read_pipeline(std::size_t most_variables = 1) {
    Template::Pipeline pipeline;
    const std::size_t begin = at_;
    skip_blanks();
    while (peek() == '$') {
      ++at_;
      pipeline.variables.push_back(take_name());
      skip_blanks();
      if (peek() != ',' || most_variables < 2) break;
      ++at_;
      skip_blanks();
    }
    pipeline.declares = stands(":=");
    const bool sets = pipeline.declares || (peek() == '=' && !pipeline.variables.empty());
    if (sets) {
      at_ += pipeline.declares ? 2 : 1;
      if (pipeline.variables.size() > most_variables) fail("too many variables are declared");
    } else {
      pipeline.variables.clear();
      at_ = begin;
    }
    do {
      pipeline.commands.push_back(read_command());
    } while (take('|'));
    return pipeline;
  }

  Template::Command read_command() {
    Template::Command command;
    for (;;) {
      skip_blanks();
      if (at_ == text_.size()) fail("a {{ is not closed");
      const bool closes = peek() == '|' || peek() == ')' || stands("}}") ||
                          (stands("-}}") && kBlanks.find(text_[at_ - 1]) != std::string_view::npos);
      if (closes) break;
      command.push_back(read_operand());
    }
    if (command.empty()) fail("a value is missing");
    return command;
  }

  Template::Operand read_operand() {
    Template::Operand operand = read_term();
    while (peek() == '.' && operand.kind != Template::Operand::literal) {
      ++at_;
      operand.fields.push_back(take_name());
      if (operand.fields.back().empty()) fail("the name of a field is missing behind a \".\"");
    }
    return operand;
  }

  Template::Operand read_term() {
    using Operand = Template::Operand;
    const char c = peek();
    if (c == '"') return {.kind = Operand::literal, .value = read_quoted()};
    if (c == '`') return {.kind = Operand::literal, .value = read_raw()};
    if (c == '(') {
      if (++depth_ > kDeepest) fail("it is nested too deeply");
      ++at_;
      auto pipeline = std::make_shared<Template::Pipeline>(read_pipeline(0));
      if (!take(')')) fail("a ( is not closed");
      --depth_;
      return {.kind = Operand::group, .pipeline = std::move(pipeline)};
    }
    if (c == '$') {
      ++at_;
      return {.kind = Operand::variable, .name = take_name()};
    }
    if (c == '.' && !is_name(peek(1))) {
      ++at_;
      return {};
    }
    if (c == '.') return {};  // its first field is read by who called
    if (is_digit(c) || c == '-' || c == '+') return {.kind = Operand::literal, .value = read_number()};
    return read_word();
  }

  Template::Operand read_word() {
    const std::string name = take_name();
    if (name.empty()) fail(some() + " cannot stand there");
    if (name == "true" || name == "false") return {.kind = Template::Operand::literal, .value = name == "true"};
    if (name == "nil") return {.kind = Template::Operand::literal};
    if (find_template_function(name) == nullptr) fail("there is no function \"" + name + "\"");
    return {.kind = Template::Operand::function, .name = name};
  }

  static constexpr int kDeepest = 100;

  const bool read_escapes_;
  bool trim_left_ = false;  // the text that follows
  std::string ended_by_;
  int depth_ = 0, loops_ = 0;
};

Template::Template(const std::string& text, Escapes escapes) : nodes_(TemplateParser(text, escapes).read()) {}

}  // namespace coracle::cli
