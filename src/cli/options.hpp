// The words behind a command, read as docker's command line reads them (pflag): -e VALUE, -eVALUE, -e=VALUE, --env
// VALUE,
// --env=VALUE, -ab for -a -b, --flag=false, and "--" as the end of the options. CLI11, which the lessons use, reads
// some of these in another way (--entrypoint= takes the next word), and to make its options takes longer than to make a
// container's namespaces.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace coracle::cli {

class Options {
 public:
  // `usage` is what stands behind "coracle NAME" in the first line of --help, `what` is the sentence below it.
  Options(std::string name, std::string usage, std::string what);

  // The heading of the options that follow, for --help.
  void group(const char* heading);

  // An option without a value. `letter` is 0 when it has none.
  void flag(char letter, const char* name, const char* what, bool& value);
  // An option with a value, shown as `value` in --help; `take` is called each time that it is given.
  void value(char letter, const char* name, const char* value, const char* what,
             std::function<void(const std::string&)> take);
  void value(char letter, const char* name, const char* value, const char* what, std::string& target);
  // --NAME or --NAME=VALUE; `take` is given "" for the first.
  void optional_value(const char* name, const char* value, const char* what,
                      std::function<void(const std::string&)> take);
  // A second name for the option before.
  void alias(const char* name);

  // Reads the words, and leaves in them those that are no options. With `anywhere` options may stand behind those,
  // else the first of them ends the options. False when --help was asked for, which has been printed then. Throws
  // Error for a word that is wrong.
  bool read(std::vector<std::string>& words, bool anywhere = true);

  std::string help() const;

 private:
  struct Option {
    enum class Value { none, needed, optional } has_value;
    char letter;
    const char* name;
    const char* alias;
    const char* value;
    const char* what;
    const char* group;
    std::function<void(const std::string&)> take;
  };

  const Option& find(const std::string& name) const;
  const Option& find(char letter, const std::string& word) const;
  // Both take the option's value from the word itself or from the next one, and give the index of the word behind.
  std::size_t read_long(const std::vector<std::string>& words, std::size_t at);
  std::size_t read_letters(const std::vector<std::string>& words, std::size_t at);
  [[noreturn]] void refuse(const std::string& what) const;

  std::string name_, usage_, what_;
  const char* group_ = "Options";
  std::vector<Option> options_;
  bool help_ = false;
};

}  // namespace coracle::cli
