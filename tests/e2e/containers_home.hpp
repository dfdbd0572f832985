// A data root with containers that go on when the command that made them is done; all are removed at the end, so that a
// test that fails leaves nothing.
#pragma once

#include "e2e/home.hpp"
#include "kernel/inode.hpp"

namespace coracle::test {

class ContainersHome : public BusyboxHome {
 public:
  ContainersHome() = default;
  ~ContainersHome() {
    const std::string directory = path() + "/containers";
    if (!kernel::exists(directory)) return;
    Words words{"rm", "-f"};
    for (std::string& id : kernel::list(kernel::open(directory, O_RDONLY | O_DIRECTORY))) words.push_back(id);
    if (words.size() > 2) run(words);
  }
  ContainersHome(const ContainersHome&) = delete;
  ContainersHome& operator=(const ContainersHome&) = delete;

  // What a command that succeeds prints.
  std::string good(const Words& words) const {
    const Result result = run(words);
    INFO(result.err);
    REQUIRE(result.status == 0);
    return result.out;
  }

  // Without a network; gives the id.
  std::string start(Words options, const Words& command = {"sleep", "1000"}) const {
    options.insert(options.begin(), {"run", "-d", "--net", "none"});
    options.push_back("busybox");
    options.insert(options.end(), command.begin(), command.end());
    std::string id = good(options);
    id.pop_back();
    return id;
  }

  // One that has ended with that status.
  void end(const std::string& name, int status) const {
    CHECK(
        run({"run", "--net", "none", "--name", name, "busybox", "sh", "-c", "exit " + std::to_string(status)}).status ==
        status);
  }
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace coracle::test
