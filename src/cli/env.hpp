// Environment variables as docker's command line reads them.
#pragma once

#include <string>
#include <vector>

namespace coracle::cli {

// -e NAME=value as it stands; -e NAME takes the value from our own environment, and when there is none, means
// that the container has no such variable. Throws Error when there is no name.
std::string read_variable(const std::string& text);

// --env-file: one variable a line, # begins a comment, quotes have no meaning. A line NAME alone is left out when
// our environment has no such variable.
std::vector<std::string> read_env_file(const std::string& path);

}  // namespace coracle::cli
