// The reader of Dockerfiles, its words and variables, its stages.
#include "build/dockerfile.hpp"

#include <chrono>

#include "build/settings.hpp"
#include "build/stages.hpp"
#include "image/words.hpp"
#include "kernel/error.hpp"
#include "support/support.hpp"

using namespace coracle;
using build::Dockerfile;
using build::Instruction;
using kernel::Error;

namespace {

Instruction only(const std::string& text) {
  const Dockerfile read = build::parse_dockerfile(text, "Dockerfile");
  REQUIRE(read.instructions.size() == 1);
  return read.instructions.front();
}

using Env = std::vector<std::string>;

const Env kEnv = {"A=one", "EMPTY=", "SPACES=a b"};

std::string expanded(const std::string& text) { return image::one_word(text, {kEnv}); }

}  // namespace

TEST_CASE("lines are continued, and comments and empty lines among them left out") {
  const Instruction run = only("# first\n\nrun echo a \\ \n# comment\n\n  b \\\r\n  c\r\n");
  CHECK(run.name == "RUN");
  CHECK(run.line == 3);
  CHECK(run.text == "echo a   b   c");
  CHECK(only("RUN a\\\\b").text == "a\\\\b");
  CHECK(only("RUN a \\").text == "a");
}

TEST_CASE("the escape can be a backtick, and directives stand before all else") {
  const Dockerfile read = build::parse_dockerfile("# syntax=docker/dockerfile:1\n# ESCAPE = `\nRUN a `\nb\\\n", "D");
  CHECK(read.escape == '`');
  CHECK(read.instructions.at(0).text == "a b\\");
  CHECK(build::parse_dockerfile("# hello\n# escape=`\nRUN a \\\nb\n", "D").instructions.size() == 1);
  CHECK_THROWS_AS(build::parse_dockerfile("# escape=x\nRUN a\n", "D"), Error);
  CHECK_THROWS_AS(build::parse_dockerfile("# escape=`\n# escape=`\nRUN a\n", "D"), Error);
}

TEST_CASE("flags stand between the name and the rest") {
  const Instruction copy = only("COPY --from=one --link  --chown=1:2 a b");
  CHECK(copy.text == "a b");
  CHECK(build::flag(copy, "from") == "one");
  CHECK(build::flag(copy, "chown") == "1:2");
  CHECK(copy.original() == "COPY --from=one --link --chown=1:2 a b");
  CHECK(only("CMD --x").text == "--x");
  CHECK(only("RUN -- --x").text == "--x");
  CHECK_THROWS_AS(build::check_flags(copy, {"from"}), Error);
}

TEST_CASE("here-documents belong to RUN, COPY and ADD, and each ends with its own name") {
  const Instruction copy = only("COPY <<A <<-\"B\" /x/\n$a\nA \nA\n\tb\n\t\tB\n");
  REQUIRE(copy.heredocs.size() == 2);
  CHECK(copy.heredocs[0].content == "$a\nA \n");
  CHECK(copy.heredocs[0].expand);
  CHECK(copy.heredocs[1].content == "b\n");
  CHECK_FALSE(copy.heredocs[1].expand);
  CHECK(only("RUN cat <<<here").heredocs.empty());
  CHECK(only("RUN echo '<<A'").heredocs.empty());
  CHECK(only("RUN echo \\<<A").heredocs.size() == 0);
  CHECK(only("CMD cat <<A").heredocs.empty());
  CHECK(test::message_of([] { only("\nRUN <<EOF\nx\n"); }).find("Dockerfile:2: <<EOF") == 0);
}

TEST_CASE("what is no Dockerfile is refused with its line") {
  CHECK(test::message_of([] { only("FROM a\n\n ?? b\n"); }).find("Dockerfile:3: ") == 0);
  CHECK(test::message_of([] { only("FROM a\nWHAT b\n"); }).find("Dockerfile:2: WHAT b: ") == 0);
  CHECK(test::message_of([] { only(""); }).find("no instructions") != std::string::npos);
  CHECK(test::message_of([] { only(std::string("FROM a\0", 7)); }).find("NUL") != std::string::npos);
  CHECK(test::message_of([] { only("FROM \x1b[31m\n\x1b]0;x\a\n"); }).find('\x1b') == std::string::npos);
}

TEST_CASE("a huge Dockerfile is refused at once") {
  const auto begin = std::chrono::steady_clock::now();
  std::string lines;
  for (int i = 0; i < 500'000; ++i) lines += "RUN a\n";
  CHECK(test::message_of([&] { only(lines); }).find("10000 instructions") != std::string::npos);
  CHECK(test::message_of([&] { only(lines + lines); }).find("4 MiB") != std::string::npos);
  lines.clear();
  for (int i = 0; i < 1'000'000; ++i) lines += "a\\\n";
  CHECK(only("RUN " + lines).text.size() == 1'000'000);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("variables are replaced as the reference says") {
  CHECK(expanded("$A-${A}x") == "one-onex");
  CHECK(expanded("${NO:-a b}${EMPTY:-c}${EMPTY-d}${A:-e}") == "a bcone");
  CHECK(expanded("${NO:+x}${A:+$A}${EMPTY:+y}${EMPTY+z}") == "onez");
  CHECK(expanded("${NO:-${NO:-${A}}}") == "one");
  CHECK(expanded("\\$A '$A' \"$A\" \"\\$A\"") == "$A $A one $A");
  CHECK(expanded("$ $1 100$") == "$  100$");
  CHECK(image::split_words("$SPACES 'a b' a\\ b", {kEnv}) == Env{"a b", "a b", "a b"});
  CHECK(image::expand_lines("\"$A\"\n'${A}' \\$A \\n", {kEnv}) == "\"one\"\n'one' $A \\n");
  CHECK(image::one_word("a`$A\\", {kEnv, '`'}) == "a$A\\");
  for (const char* bad : {"${A", "${}", "${A:x}", "${A?x}", "'", "\"", "${A:-", "${A:-\\"}) {
    INFO(bad);
    CHECK_THROWS_AS(expanded(bad), Error);
  }
}

TEST_CASE("variables in variables end somewhere") {
  std::string deep = "x";
  for (int i = 0; i < 100; ++i) deep = "${NO:-" + deep + "}";
  CHECK_THROWS_AS(expanded(deep), Error);
  const Env big = {"A=" + std::string(100'000, 'a')};
  CHECK_THROWS_AS(image::one_word("$A$A$A$A$A$A$A$A$A$A$A", {big}), Error);
}

TEST_CASE("only those stages are made that the wanted one needs") {
  const Dockerfile read = build::parse_dockerfile(
      "ARG V=1\nFROM a:$V AS base\nFROM base AS unused\nFROM scratch AS files\nFROM base\nCOPY --from=2 /x /y\n", "D");
  const build::Plan plan = build::make_plan(read, "D", {"V=2"}, "");
  REQUIRE(plan.stages.size() == 3);
  CHECK(plan.stages[0].base == "a:2");
  CHECK(plan.stages[1].name == "files");
  CHECK(plan.stages[2].index == 3);
  CHECK(build::make_plan(read, "D", {}, "BASE").stages.size() == 1);
  CHECK(build::make_plan(read, "D", {}, "1").stages.size() == 2);
  CHECK_THROWS_AS(build::make_plan(read, "D", {}, "none"), Error);
}

TEST_CASE("a FROM that cannot be is refused with its line") {
  const auto plan = [](const char* text) {
    return test::message_of([&] { build::make_plan(build::parse_dockerfile(text, "D"), "D", {}, ""); });
  };
  CHECK(plan("RUN a\nFROM b").find("D:1: RUN a: ") == 0);
  CHECK(plan("FROM a AS x\nFROM a AS X").find("D:2: ") == 0);
  CHECK(plan("FROM a b").find("D:1: ") == 0);
  CHECK(plan("FROM a AS 1").find("D:1: ") == 0);
  CHECK(plan("FROM $NO").find("D:1: ") == 0);
  CHECK(plan("FROM --platform=plan9/mips a").find("D:1: ") == 0);
  CHECK(plan("FROM --platform=$TARGETPLATFORM a").empty());
  CHECK(plan("ARG A").find("no FROM") != std::string::npos);
}

TEST_CASE("settings of a build change the configuration") {
  image::Config config;
  const auto apply = [&](const std::string& text) { build::apply_setting(config, only(text), {kEnv}); };
  apply("HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl x");
  CHECK(config.healthcheck.test == Env{"CMD-SHELL", "curl x"});
  CHECK(config.healthcheck.interval == 90'000'000'000);
  CHECK(config.healthcheck.timeout == 500'000'000);
  CHECK(config.healthcheck.retries == 3);
  apply("HEALTHCHECK CMD [\"a\", \"b\"]");
  CHECK(config.healthcheck.test == Env{"CMD", "a", "b"});
  apply("HEALTHCHECK NONE");
  CHECK(config.healthcheck.test == Env{"NONE"});
  apply("SHELL [\"/bin/bash\", \"-c\"]");
  apply("CMD echo $A");
  CHECK(config.cmd == Env{"/bin/bash", "-c", "echo $A"});
  apply("ONBUILD RUN echo $A");
  CHECK(config.on_build == Env{"RUN echo $A"});
  apply("MAINTAINER me");
  CHECK(config.author == "me");
  apply("WORKDIR /a/../b");
  apply("WORKDIR c/$A");
  CHECK(config.working_dir == "/b/c/one");
  CHECK(image::to_json(image::parse_config(image::to_json(config))) == image::to_json(config));
  for (const char* bad : {"HEALTHCHECK --interval=1x CMD a", "HEALTHCHECK RUN a", "SHELL bash", "ONBUILD FROM x",
                          "ONBUILD ONBUILD RUN x", "ENV", "EXPOSE none", "STOPSIGNAL SIGNONE", "ENV =x"}) {
    INFO(bad);
    CHECK_THROWS_AS(apply(bad), Error);
  }
}
