// A data root of a test's own, and `coracle` with it.
#pragma once

#include "support/support.hpp"

namespace coracle::test {

using Words = std::vector<std::string>;

class Home {
 public:
  const std::string& path() const { return directory_.path(); }

  // The words of a whole command line.
  Words command(const Words& words) const {
    Words all = {coracle(), "--root", path()};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }

  Result run(const Words& words, const std::string& input = {}) const { return test::run(command(words), input); }

  // The image busybox, whose command is sh.
  void import_busybox() const {
    const Result result = run({"import", "-c", "CMD [\"sh\"]", busybox_layer(), "busybox"});
    INFO(result.err);
    REQUIRE(result.status == 0);
  }

 private:
  TemporaryDirectory directory_;
};

// A data root with the image busybox in it.
class BusyboxHome : public Home {
 public:
  BusyboxHome() { import_busybox(); }
};

}  // namespace coracle::test
