#include "cli/env.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"

namespace coracle::cli {

using kernel::Error;

std::string read_variable(const std::string& text) {
  if (text.empty() || text[0] == '=') {
    throw Error("read the variable \"" + text + "\"", 0, "write NAME=value, or NAME to take it from here");
  }
  if (text.find('=') != std::string::npos) return text;
  const char* value = std::getenv(text.c_str());
  return value != nullptr ? text + "=" + value : text;
}

std::vector<std::string> read_env_file(const std::string& path) {
  const std::string text = kernel::read_file(path);
  std::vector<std::string> variables;
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line[0] == '#') continue;
    const std::string name = line.substr(0, line.find('='));
    if (name.empty() || name.find_first_of(" \t") != std::string::npos) {
      throw Error(fmt::format("read line {} of {}: \"{}\"", line_number, path, line), 0,
                  "write NAME=value, with no blanks in the name");
    }
    const std::string variable = read_variable(line);
    if (variable.find('=') != std::string::npos) variables.push_back(variable);
  }
  return variables;
}

}  // namespace coracle::cli
