#include "door/options.hpp"

#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "kernel/error.hpp"

namespace coracle::door {
namespace {

using kernel::Error;

class Formatter : public CLI::Formatter {
 public:
  explicit Formatter(std::string usage) : usage_(std::move(usage)) { column_width(34); }
  std::string make_usage(const CLI::App*, std::string) const override { return "Usage: " + usage_ + "\n"; }

 private:
  std::string usage_;
};

std::string names(char letter, const std::string& name) {
  return letter != 0 ? std::string("-") + letter + ",--" + name : "--" + name;
}

// CLI11 takes the next word for the value of "--entrypoint="; with docker it is the empty word. So a word that ends in
// "=" gets this behind it, a byte that no command line has at its end, and loses it again wherever it comes out.
constexpr char kNothing = '\x01';

std::string unmarked(std::string word) {
  if (!word.empty() && word.back() == kNothing) word.pop_back();
  return word;
}

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

}  // namespace

Options::Options(const std::string& command, const std::string& usage, const std::string& what,
                 const std::string& example)
    : command_(command), usage_(usage), what_(what), example_(example) {}

void Options::flag(char letter, const std::string& name, const char* what, bool& value) {
  declare_.emplace_back([=, &value, group = group_](CLI::App& app) {
    app.add_flag(names(letter, name), value, what)->group(group)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  });
}

void Options::value(char letter, const std::string& name, const char* value, const char* what,
                    const std::function<void(const std::string&)>& take) {
  const auto take_each = [take](const CLI::results_t& values) {
    for (const std::string& text : values) take(unmarked(text));
    return true;
  };
  declare_.emplace_back([=, group = group_](CLI::App& app) {
    app.add_option(names(letter, name), take_each, what)
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false)
        ->type_name(value)
        ->group(group);
  });
}

void Options::value(char letter, const std::string& name, const char* shown, const char* what, std::string& target) {
  value(letter, name, shown, what, [&target](const std::string& text) { target = text; });
}

void Options::optional_value(const std::string& name, const char* value, const char* what,
                             std::function<void(const std::string&)> take) {
  declare_.emplace_back([=, this, take = std::move(take), group = group_](CLI::App& app) {
    const auto text = std::make_shared<std::string>();
    CLI::Option* option = app.add_flag("--" + name, *text, what)->group(group);
    option->type_name(std::string("[=") + value + "]");
    finally_.push_back([option, text, take] {
      if (option->count() > 0) take(*text == "true" ? "" : *text);  // "true" is CLI11's word for no value
    });
  });
}

bool Options::read(std::vector<std::string>& words, bool anywhere) {
  const auto may_be_options = anywhere || words.empty() ? words.end() : words.begin() + 1;
  if (std::none_of(words.begin(), may_be_options, is_option)) return true;
  CLI::App app(what_, command_);
  app.formatter(std::make_shared<Formatter>(command_ + " " + usage_));
  app.set_help_flag("--help", "This text");  // -h is docker's --hostname
  if (!example_.empty()) app.footer("Example: " + example_);
  for (const auto& declare : declare_) declare(app);
  return read_with(app, words, anywhere);
}

bool Options::read_with(CLI::App& app, std::vector<std::string>& words, bool anywhere) {
  app.prefix_command(!anywhere);
  app.allow_extras(anywhere);
  for (std::string& word : words) {
    if (!word.empty() && word.back() == '=') word += kNothing;
  }
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return false;
  } catch (const CLI::ParseError& error) {
    throw Error("read the command line", 0, std::string(error.what()) + "; see " + app.get_name() + " --help");
  }
  for (const auto& act : finally_) act();
  words = app.remaining();
  std::transform(words.begin(), words.end(), words.begin(), unmarked);
  // What CLI11 did not know stands among the words that are left; behind "--" everything is a plain word.
  const auto end = std::find(words.begin(), words.end(), "--");
  const auto last = anywhere || words.empty() ? end : words.begin() + 1;
  const auto unknown = std::find_if(words.begin(), std::min(end, last), is_option);
  if (unknown < std::min(end, last)) throw Error("unknown option " + *unknown, 0, "see " + app.get_name() + " --help");
  if (end != words.end() && (anywhere || end == words.begin())) words.erase(end);
  return true;
}

}  // namespace coracle::door
