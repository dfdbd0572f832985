// The images of rootfs/, as their recipes make them.
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "support/session.hpp"
#include "support/support.hpp"

namespace coracle::test {

// Builds the recipe when it is not there yet, which takes its packages from the host's network.
inline std::vector<std::string> import_words(const std::string& name) {
  const std::string directory = busybox_layer().substr(0, busybox_layer().rfind('/'));
  const Result made =
      run({"nsenter", "--net=" + host_network(), source("rootfs/" + name), directory}, {}, std::chrono::minutes(10));
  INFO(made.err);
  REQUIRE(made.status == 0);
  std::vector<std::string> words = {"import"};
  const std::string lines = kernel::read_file(directory + "/" + name + ".import");
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin);
    words.push_back(lines.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace coracle::test
