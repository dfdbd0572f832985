// The chapters tell the truth: what they quote stands in the source, and their commands print what they say.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lessons/chapter.hpp"
#include "support/ordinary_user.hpp"
#include "support/support.hpp"

using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kSections = {"## What you will be able to do",
                                            "## The idea",
                                            "## The code",
                                            "## Try it",
                                            "## Break it",
                                            "## What it costs",
                                            "## Questions"};

void check_form(const Chapter& chapter) {
  for (const std::string& slip : chapter.slips) FAIL_CHECK(slip);
  if (!chapter.path.starts_with("lessons/") || chapter.path.starts_with("lessons/14-")) return;  // 14 is measurements
  std::vector<std::string> sections;
  std::copy_if(chapter.headings.begin(), chapter.headings.end(), std::back_inserter(sections),
               [](const std::string& heading) { return heading.starts_with("## "); });
  std::erase(sections, "## How containers have been broken");  // chapter 8 has it besides
  INFO(chapter.path << ": the sections of a chapter, in this order:");
  CHECK(sections == kSections);
}

// The best place for the quote: where most of its first lines stand one after the other.
std::size_t longest_match(const std::vector<std::string>& quote, const std::vector<std::string>& file) {
  std::size_t longest = 0;
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::size_t count = 0;
    while (count < quote.size() && at + count < file.size() && quote[count] == file[at + count]) ++count;
    longest = std::max(longest, count);
  }
  return longest;
}

void check_quotes(const std::string& path) {
  const Chapter chapter = read_chapter(path);
  check_form(chapter);
  for (const Quote& quote : chapter.quotes) {
    const std::size_t same = longest_match(quote.text, lines_of_source(quote.path));
    CHECK(!quote.text.empty());
    if (same == quote.text.size()) continue;
    FAIL_CHECK(chapter.path << ":" << quote.line + same << ": this line of the quote does not stand there in "
                            << quote.path << ":\n"
                            << quote.text[same]);
  }
}

bool has_feature(const std::string& feature, const std::string& directory) {
  if (feature == "cgroup-v2") return run({"sh", "-c", "grep -q memory /sys/fs/cgroup/cgroup.controllers"}).status == 0;
  if (feature == "cgroup-v1") return fs::exists("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  if (fs::exists(directory + "/" + feature)) return true;
  return run({"sh", "-c", "command -v \"$0\"", feature}).status == 0;
}

// What a chapter finds in its directory.
void furnish(const std::string& directory) {
  fs::create_directory(directory + "/rootfs");
  REQUIRE(run({"cp", "-a", busybox_rootfs() + "/.", directory + "/rootfs"}).status == 0);
  fs::copy_file(busybox_layer(), directory + "/busybox.tar.gz");
  const fs::path debian = fs::path(busybox_layer()).parent_path() / "debian.tar.gz";
  if (fs::exists(debian)) fs::copy_file(debian, directory + "/debian.tar.gz");
}

// The image that `coracle run busybox` finds.
void import_busybox() {
  const std::string arguments = fs::path(busybox_layer()).parent_path() / "busybox.import";
  const Result imported = run({"xargs", "-d", "\\n", "-a", arguments, coracle::test::coracle(), "import"});
  INFO(imported.err);
  REQUIRE(imported.status == 0);
}

// Runs the commands in one shell; what the command number N prints comes to the file N in `outputs`. `begin` are the
// words before the shell.
void run_commands(const std::vector<Command>& commands, std::vector<std::string> begin, const std::string& outputs) {
  std::string script;
  for (std::size_t number = 0; number < commands.size(); ++number) {
    std::ofstream(fmt::format("{}/{}.command", outputs, number)) << commands[number].text << '\n';
    script += fmt::format("eval \"$(<'{0}/{1}.command')\" >'{0}/{1}' 2>&1 </dev/null\n", outputs, number);
  }
  begin.insert(begin.end(), {"timeout", "90", "bash", "-c", script, "bash"});
  run(begin, {}, std::chrono::seconds(120));
}

std::vector<std::string> in_directory(const std::string& directory) {
  const std::string path = fmt::format("PATH={}:{}:{}", lesson(""),
                                       fs::path(coracle::test::coracle()).parent_path().string(), std::getenv("PATH"));
  return {"env", "-C", directory, path, "LC_ALL=C.UTF-8"};
}

// What an ordinary user finds at home: the lesson's program in the PATH, and the archive of busybox.
std::vector<std::string> at_home_of(const OrdinaryUser& user, const Chapter& chapter) {
  user.program(lesson(fs::path(chapter.path).parent_path().filename()));
  fs::copy_file(busybox_layer(), user.home() + "/busybox.tar.gz");
  return user.command({"env", "PATH=" + user.bin() + ":/usr/sbin:/usr/bin:/sbin:/bin"});
}

void check_output(const Chapter& chapter, const Command& command, const std::string& file) {
  INFO(chapter.path << ":" << command.line << ": $ " << command.text);
  std::ifstream stream(file);
  if (!stream.good()) FAIL_CHECK("the shell ended before this command");
  std::vector<std::string> got = split_lines({std::istreambuf_iterator<char>(stream), {}});
  while (!got.empty() && got.back().empty()) got.pop_back();
  std::vector<std::string> expected = command.output;
  while (!expected.empty() && expected.back().empty()) expected.pop_back();
  if (matches(expected, got)) return;
  const std::size_t same = matching_lines(expected, got);
  FAIL_CHECK("expected:\n"
             << fmt::format("{}", fmt::join(expected, "\n")) << "\ngot:\n"
             << fmt::format("{}", fmt::join(got, "\n")) << "\nthe first line that differs: "
             << (same < expected.size() ? expected[same] : "(one more than expected)"));
}

void run_and_check(const Chapter& chapter, const std::vector<Command>& commands,
                   const std::vector<std::string>& begin) {
  const TemporaryDirectory outputs;
  fs::permissions(outputs.path(), fs::perms(0777));
  run_commands(commands, begin, outputs.path());
  for (std::size_t number = 0; number < commands.size(); ++number) {
    check_output(chapter, commands[number], fmt::format("{}/{}", outputs.path(), number));
  }
}

void check_commands(const std::string& path) {
  const Chapter chapter = read_chapter(path);
  const TemporaryDirectory directory;
  furnish(directory.path());
  std::vector<Command> commands, without_root;
  std::string lacking;
  for (const Command& command : chapter.commands) {
    if (command.without_root && !has_feature("newuidmap", directory.path())) {
      lacking = "newuidmap";
      continue;
    }
    const bool can = command.needs.empty() || has_feature(command.needs, directory.path());
    if (can) (command.without_root ? without_root : commands).push_back(command);
    if (!can) lacking = command.needs;
  }
  const auto uses_coracle = [](const Command& command) { return command.text.find("coracle ") != std::string::npos; };
  if (std::any_of(commands.begin(), commands.end(), uses_coracle)) import_busybox();
  run_and_check(chapter, commands, in_directory(directory.path()));
  if (!without_root.empty()) {
    const OrdinaryUser user;
    run_and_check(chapter, without_root, at_home_of(user, chapter));
  }
  if (!lacking.empty()) SKIP_WITHOUT(lacking);
}

bool has_anchor(const std::string& path, const std::string& wanted) {
  const std::vector<std::string> headings = read_chapter(path).headings;
  return std::any_of(headings.begin(), headings.end(),
                     [&](const std::string& heading) { return anchor(heading) == wanted; });
}

void check_link(const Chapter& chapter, const Link& link) {
  if (link.target.find("://") != std::string::npos) return;
  INFO(chapter.path << ":" << link.line << ": " << link.target);
  const std::size_t sharp = std::min(link.target.find('#'), link.target.size());
  const std::string name = link.target.substr(0, sharp);
  const std::string path =
      name.empty() ? chapter.path : (fs::path(chapter.path).parent_path() / name).lexically_normal().string();
  CHECK(fs::exists(source(path)));
  if (sharp < link.target.size() && fs::is_regular_file(source(path)))
    CHECK(has_anchor(path, link.target.substr(sharp + 1)));
}

}  // namespace

#define CHAPTER(path)                                                               \
  TEST_CASE("every quote of " path " stands in the source") { check_quotes(path); } \
  TEST_CASE("every command of " path " prints what it says") { check_commands(path); }

CHAPTER("README.md")
CHAPTER("TUTORIAL.md")
CHAPTER("lessons/01-process/README.md")
CHAPTER("lessons/02-chroot/README.md")
CHAPTER("lessons/03-namespaces/README.md")
CHAPTER("lessons/04-cgroups/README.md")
CHAPTER("lessons/05-layers/README.md")
CHAPTER("lessons/06-network/README.md")
CHAPTER("lessons/07-volumes/README.md")
CHAPTER("lessons/08-confine/README.md")
CHAPTER("lessons/09-terminal/README.md")
CHAPTER("lessons/10-images/README.md")
CHAPTER("lessons/11-lifecycle/README.md")
CHAPTER("lessons/12-oci-runtime/README.md")
CHAPTER("lessons/14-versus-vm/README.md")

TEST_CASE("every chapter is checked") {
  const std::vector<std::string> listed = lines_of_source("tests/lessons/chapters_test.cpp");
  for (const auto& lesson : fs::directory_iterator(source("lessons"))) {
    if (!fs::exists(lesson.path() / "README.md")) continue;
    const std::string line = fmt::format("CHAPTER(\"lessons/{}/README.md\")", lesson.path().filename().string());
    INFO(line);
    CHECK(std::find(listed.begin(), listed.end(), line) != listed.end());
  }
}

TEST_CASE("every link inside the tree leads somewhere") {
  std::vector<std::string> pages = {"README.md", "TUTORIAL.md"};
  for (const auto& lesson : fs::directory_iterator(source("lessons"))) {
    const std::string page = fmt::format("lessons/{}/README.md", lesson.path().filename().string());
    if (fs::exists(source(page))) pages.push_back(page);
  }
  for (const std::string& page : pages) {
    const Chapter chapter = read_chapter(page);
    for (const Link& link : chapter.links) check_link(chapter, link);
  }
}

TEST_CASE("expected output matches by line, with [...] for anything") {
  CHECK(matches({"a", "b"}, {"a", "b"}));
  CHECK_FALSE(matches({"a"}, {"a", "b"}));
  CHECK_FALSE(matches({"a", "b"}, {"a"}));
  CHECK(matches({"pid [...] of [...]."}, {"pid 12 of 30."}));
  CHECK_FALSE(matches({"pid [...] of [...]."}, {"pid 12 of 30"}));
  CHECK(matches({"[...]", "end"}, {"end", "more", "end"}));
  CHECK(matches({"[...]"}, {}));
  CHECK_FALSE(matches({"[...]", "end"}, {"end", "more"}));
  CHECK(matching_lines({"a", "x", "c"}, {"a", "b", "c"}) == 1);
}
