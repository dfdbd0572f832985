// The commands that move images, one file each, as those in src/cli.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.hpp"

namespace coracle::images {

int build(const cli::Door& door, std::vector<std::string> words);
int commit(const cli::Door& door, std::vector<std::string> words);
int cp(const cli::Door& door, std::vector<std::string> words);
int export_container(const cli::Door& door, std::vector<std::string> words);
int import(const cli::Door& door, std::vector<std::string> words);
int login(const cli::Door& door, std::vector<std::string> words);
int logout(const cli::Door& door, std::vector<std::string> words);
int pull(const cli::Door& door, std::vector<std::string> words);
int push(const cli::Door& door, std::vector<std::string> words);
int load(const cli::Door& door, std::vector<std::string> words);
int save(const cli::Door& door, std::vector<std::string> words);

}  // namespace coracle::images
