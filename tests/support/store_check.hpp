// Whether a store of images is whole: each row of the database has its files, each file its row, and their content is
// what their names say.
#pragma once

#include <string>
#include <vector>

namespace coracle::test {

// What is wrong with the store in that data root, a line each; nothing when it is whole. No command is at work in it.
std::vector<std::string> check_store(const std::string& root);

}  // namespace coracle::test
