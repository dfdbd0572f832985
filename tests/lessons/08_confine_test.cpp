// Lesson 8 from outside: each wall with and without.
#include <filesystem>
#include <map>
#include <sstream>

#include <sys/stat.h>

#include "kernel/fd.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

// A root file system with the program `walls` in it.
struct Place {
  TemporaryDirectory scratch;
  std::string root = scratch.path() + "/root";

  Place() {
    fs::copy(busybox_rootfs(), root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    fs::copy_file(lesson("walls"), root + "/bin/walls");
  }

  Result run(const std::vector<std::string>& options, const std::vector<std::string>& command) const {
    std::vector<std::string> words = {lesson("08-confine")};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(root);
    words.insert(words.end(), command.begin(), command.end());
    return test::run(words);
  }

  // What `walls` was answered, by the beginning of the deed's name.
  std::map<std::string, std::string> deeds(const std::vector<std::string>& options) const {
    const Result result = run(options, {"walls"});
    INFO(result.err);
    REQUIRE(result.status == 0);
    std::map<std::string, std::string> answers;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
      if (line.size() > 38)
        answers[line.substr(0, line.find(' ', line.find(' ', line.find(' ') + 1) + 1))] = line.substr(38);
    }
    REQUIRE(answers.size() == 8);
    return answers;
  }
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr const char* kGive = "give a file";
constexpr const char* kMount = "mount a file";
constexpr const char* kNamespace = "make a user";
constexpr const char* kDisk = "make the node";
constexpr const char* kCrypto = "call the kernel's";
constexpr const char* kKeys = "read the session's";
constexpr const char* kTimers = "read the kernel's";
constexpr const char* kSetting = "write a setting";

}  // namespace

TEST_CASE("confined, a program does what programs need and nothing that reaches the host") {
  const Place place;
  auto confined = place.deeds({});
  CHECK(confined[kGive] == "done");
  for (const char* deed : {kMount, kNamespace, kDisk, kCrypto, kKeys}) {
    INFO(deed);
    CHECK(confined[deed] == "EPERM");
  }
  CHECK(confined[kTimers] == "ENODATA");
  CHECK(confined[kSetting] == "EROFS");
}

TEST_CASE("each wall holds what it alone holds") {
  const Place place;
  const auto confined = place.deeds({});
  const auto changed = [&](const std::vector<std::string>& options) {
    std::string names;
    for (const auto& [deed, answer] : place.deeds(options)) {
      if (answer != confined.at(deed)) names += deed + ", ";
    }
    return names;
  };
  CHECK(changed({"--cap-drop", "CHOWN"}) == "give a file, ");
  CHECK(changed({"--all-devices"}) == "make the node, ");
  CHECK(changed({"--unmask"}) == "read the kernel's, write a setting, ");
  // mount(2) needs a capability besides, and of the keys of who started us there are none in our own keyring.
  CHECK(changed({"--seccomp", "unconfined"}) == (place.deeds({"--seccomp", "unconfined"})[kCrypto] == "EPERM"
                                                     ? "make a user, read the session's, "
                                                     : "call the kernel's, make a user, read the session's, "));
  CHECK(contains(changed({"--cap-add", "SYS_ADMIN"}), "mount a file"));
}

TEST_CASE("a user that is not root has no capability, and a set-user-ID program gives it those of root") {
  const Place place;
  fs::permissions(place.root + "/bin/walls",
                  fs::perms::set_uid | fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  CHECK(contains(place.run({"-u", "1000"}, {"walls"}).out, "I am root"));
  CHECK(contains(place.run({"-u", "1000", "--no-new-privileges"}, {"walls"}).out, "I am not root"));
}

TEST_CASE("a profile of the user's own is used, and a wrong one refused") {
  const Place place;
  const std::string profile = place.scratch.path() + "/profile.json";
  kernel::create_file(profile, R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["chown"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40}]})");
  auto deeds = place.deeds({"--seccomp", profile});
  CHECK(deeds[kGive] == "ELOOP");
  CHECK(deeds[kNamespace] == "done");
  kernel::create_file(profile, R"({"defaultAction": 1})");
  const Result refused = place.run({"--seccomp", profile}, {"true"});
  CHECK(refused.status == 125);
  CHECK(contains(refused.err, "defaultAction"));
}

TEST_CASE("limits and settings and the directory are those that were asked for") {
  const Place place;
  CHECK(place.run({"--ulimit", "nofile=20"}, {"sh", "-c", "ulimit -n"}).out == "20\n");
  CHECK(place.run({"--sysctl", "kernel.msgmax=9000"}, {"cat", "/proc/sys/kernel/msgmax"}).out == "9000\n");
  CHECK(place.run({"-w", "/made/here"}, {"pwd"}).out == "/made/here\n");
  CHECK(place.run({"-u", "4294967296"}, {"true"}).status == 125);
}
