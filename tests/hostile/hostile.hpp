// What the hostile tests share: a place of the host that nothing may reach, and images made to reach it.
#pragma once

#include "e2e/home.hpp"
#include "support/archive.hpp"
#include "support/support.hpp"

namespace coracle::test {

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A directory of the host with a file in it; nothing may be read from it, written to it or mounted over it.
class Canary {
 public:
  Canary() {
    write_file(path() + "/file", "secret");
    untouched_ = snapshot(path());
  }

  const std::string& path() const { return directory_.path(); }
  bool is_untouched() const { return snapshot(path()) == untouched_; }

 private:
  TemporaryDirectory directory_;
  std::string untouched_;
};

// The image busybox, and images of it with a layer of the test's own above it.
class HostileHome : public BusyboxHome {
 public:
  // Imports busybox and `layer` as the image `name`; `changes` are instructions of a Dockerfile.
  void import_image(const std::string& name, const Tar& layer, const Words& changes = {}) const {
    const std::string archive = path() + "/" + name + ".tar";
    write_file(archive, layer.bytes());
    Words words = {"import", "-c", "CMD [\"sh\"]"};
    for (const std::string& change : changes) words.insert(words.end(), {"-c", change});
    words.insert(words.end(), {busybox_layer(), archive, name});
    const Result result = run(words);
    INFO(result.err);
    REQUIRE(result.status == 0);
  }

  // coracle run OPTIONS IMAGE COMMAND, without a network when the options name none.
  Result start(const Words& options, const std::string& image, const Words& command) const {
    return run(start_words(options, image, command));
  }

  static Words start_words(Words options, const std::string& image, const Words& command) {
    options.insert(options.begin(), {"run", "--net", "none"});
    options.push_back(image);
    options.insert(options.end(), command.begin(), command.end());
    return options;
  }
};

}  // namespace coracle::test
