#include "cli/bring.hpp"

#include <cstdio>

#include <sys/mman.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "image/reference.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "launch/report.hpp"

namespace coracle::cli {

PullPolicy read_pull_policy(const std::string& word) {
  if (word == "missing") return PullPolicy::missing;
  if (word == "always") return PullPolicy::always;
  if (word == "never") return PullPolicy::never;
  throw kernel::Error("read the word " + word + " of --pull", 0, "it is missing, always or never");
}

void bring(const Door& door, const std::string& image, const std::string& platform) {
  std::vector<std::string> words{image};
  if (!platform.empty()) words.insert(words.begin(), {"--platform", platform});
  const kernel::Child child = kernel::clone3(0);
  if (child.pid == 0) {
    kernel::die_with_parent();
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    ::_exit(launch::report_errors("coracle", [&]() -> int { execute_images(door, "pull", words); }));
  }
  if (kernel::wait(child.pidfd).status() != 0) throw NotBrought();
}

void bring_missing(const Door& door, const std::string& image, const std::string& platform) {
  std::fprintf(stderr, "Unable to find image '%s' locally\n", image::parse_reference(image).text().c_str());
  bring(door, image, platform);
}

SharedSwitch::SharedSwitch()
    : on_(static_cast<bool*>(
          ::mmap(nullptr, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
  if (on_ == MAP_FAILED) throw kernel::Error("mmap", errno);
}

SharedSwitch::~SharedSwitch() { ::munmap(on_, sizeof(bool)); }

}  // namespace coracle::cli
