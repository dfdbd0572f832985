// The log of a container: docker's lines, however the program wrote them.
#include <fstream>

#include <unistd.h>

#include "engine/log.hpp"
#include "engine/log_reader.hpp"
#include "support/support.hpp"

using namespace coracle;
using engine::LogLine;
using engine::LogReader;
using engine::LogWriter;
using engine::Stream;

namespace {

std::vector<LogLine> lines_of(const std::string& path, std::optional<std::size_t> tail = std::nullopt) {
  std::vector<LogLine> lines;
  LogReader(path, tail).read([&](const LogLine& line) {
    lines.push_back(line);
    return true;
  });
  return lines;
}

}  // namespace

TEST_CASE("lines of a log are whole, whatever pieces they come in") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  LogWriter log(path, {});
  log.take(Stream::out, "one\ntw");
  log.take(Stream::err, "\"quoted\" \x01 \xff end\n");
  log.take(Stream::out, "o\n");
  log.take(Stream::out, std::string(20'000, 'x') + "\nlast");
  log.write_out();
  log.finish();
  const auto lines = lines_of(path);
  REQUIRE(lines.size() == 6);
  CHECK(lines[0].text == "one\n");
  CHECK(lines[1].stream == Stream::err);
  CHECK(lines[1].text == "\"quoted\" \x01 \xef\xbf\xbd end\n");
  CHECK(lines[2].text == "two\n");
  CHECK(lines[3].text == std::string(16'384, 'x'));  // as docker cuts them
  CHECK(lines[4].text == std::string(20'000 - 16'384, 'x') + "\n");
  CHECK(lines[5].text == "last");
  CHECK(lines_of(path, 2).size() == 2);
  CHECK(lines_of(path, 2)[0].text == lines[4].text);
  CHECK(lines_of(path, 0).empty());
  CHECK(lines_of(path, 100).size() == 6);
}

TEST_CASE("a tail reaches back into the files that were turned over") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  LogWriter log(path, {.max_size = 400, .max_file = 3});
  for (int i = 0; i < 50; ++i) log.take(Stream::out, std::to_string(i) + "\n");
  log.finish();
  const auto all = lines_of(path);
  CHECK(all.back().text == "49\n");
  CHECK(all.size() < 50);
  for (std::size_t tail = 0; tail <= all.size(); ++tail) {
    const auto some = lines_of(path, tail);
    REQUIRE(some.size() == tail);
    if (tail > 0) CHECK(some.front().text == std::to_string(50 - tail) + "\n");
  }
}

TEST_CASE("what is no line of a log is passed over") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  std::ofstream(path) << R"({"log":"one\n","stream":"stdout","time":"2026-01-02T03:04:05.000000006Z"})" << '\n'
                      << std::string(100, '\0') << "\n{\"log\":5}\n[]\n{}\n{\"log\":\"cut o";
  const auto lines = lines_of(path);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].time == "2026-01-02T03:04:05.000000006Z");
}

TEST_CASE("a log that cannot be written says later how many lines are missing") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  REQUIRE(symlink("/nowhere", path.c_str()) == 0);  // O_NOFOLLOW: it cannot be opened
  LogWriter log(path, {});
  for (int i = 0; i < 3; ++i) {
    log.take(Stream::out, "lost\n");
    log.write_out();
  }
  REQUIRE(unlink(path.c_str()) == 0);
  log.take(Stream::out, "there\n");
  log.write_out();
  const auto lines = lines_of(path);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text == "coracle: 3 lines are missing here: the log could not be written\n");
  CHECK(lines[1].text == "there\n");
}
