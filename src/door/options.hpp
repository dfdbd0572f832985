// The words behind a command, read by CLI11 in docker's ways: an option may be given again, options end at the first
// other word or at "--", and --NAME= is an empty value.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace coracle::door {

class Options {
 public:
  // `command` is how it is called ("coracle run"), `usage` what stands behind that in the first line of --help, `what`
  // the sentence below it, `example` a command line that --help ends with (may be empty).
  Options(const std::string& command, const std::string& usage, const std::string& what,
          const std::string& example = {});
  // The heading of the options that follow, for --help.
  void group(const char* heading) { group_ = heading; }

  // An option without a value. `letter` is 0 when it has none.
  void flag(char letter, const std::string& name, const char* what, bool& value);
  // An option with a value, shown as `value` in --help; `take` is called each time that it is given.
  void value(char letter, const std::string& name, const char* value, const char* what,
             const std::function<void(const std::string&)>& take);
  void value(char letter, const std::string& name, const char* value, const char* what, std::string& target);
  // --NAME or --NAME=VALUE; `take` is given "" for the first.
  void optional_value(const std::string& name, const char* value, const char* what,
                      std::function<void(const std::string&)> take);

  // Called when all words have been read; it may throw.
  void when_read(std::function<void()> act) { finally_.push_back(std::move(act)); }

  // Reads the words, and leaves in them those that are no options. With `anywhere` options may stand behind those,
  // else the first of them ends the options. False when --help was asked for, which has been printed then. Throws
  // Error for a word that is wrong.
  bool read(std::vector<std::string>& words, bool anywhere = true);

 private:
  bool read_with(CLI::App& app, std::vector<std::string>& words, bool anywhere);

  std::string command_, usage_, what_, example_;
  const char* group_ = "Options";
  std::vector<std::function<void(CLI::App&)>> declare_;  // CLI11 is told of them when there is something to read
  std::vector<std::function<void()>> finally_;           // what is left to do when all words are read
};

}  // namespace coracle::door
