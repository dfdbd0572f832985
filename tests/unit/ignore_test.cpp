// Patterns of names, and .dockerignore.
#include <chrono>

#include "build/patterns.hpp"
#include "kernel/error.hpp"
#include "support/support.hpp"

using namespace coracle;
using build::Ignore;
using build::matches;

TEST_CASE("patterns match as Go's filepath.Match does") {
  CHECK(matches("*.c", "a.c"));
  CHECK(matches("*", ".hidden"));
  CHECK(matches("a?c", "abc"));
  CHECK(matches("[a-c]x[^0-9]", "bxy"));
  CHECK(matches("a\\*", "a*"));
  CHECK(matches("*a*b*", "xxaxxbxx"));
  CHECK(matches("[]]", "]"));
  CHECK_FALSE(matches("a\\*", "ab"));
  CHECK_FALSE(matches("[^a]", "a"));
  CHECK_FALSE(matches("[a", "a"));
  CHECK_FALSE(matches("*.c", "a.h"));
  CHECK_FALSE(matches("", "a"));
}

TEST_CASE("no pattern takes long") {
  const auto begin = std::chrono::steady_clock::now();
  std::string stars, deep = "a";
  for (int i = 0; i < 1000; ++i) {
    stars += "*a";
    deep += "/a";
  }
  CHECK_FALSE(matches(stars + "b", std::string(5000, 'a')));
  std::string many;
  for (int i = 0; i < 30; ++i) many += "**/a/";
  CHECK_FALSE(Ignore(many + "b").ignores(deep));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE(".dockerignore leaves out what its rules say, the last one first") {
  const Ignore ignore(
      "# comment\n\n*.o\n/top\n**/tmp\ndocs/*\n!docs/README.md\nsrc/**/gen\n  spaces  \nkeep\n! keep\n");
  for (const char* out :
       {"a.o", "top", "top/below", "tmp", "a/b/tmp", "a/b/tmp/c", "docs/x", "src/gen", "src/a/b/gen/x", "spaces"}) {
    INFO(out);
    CHECK(ignore.ignores(out));
  }
  for (const char* in : {"a/b.o", "a/top", "docs", "docs/README.md", "# comment", "srcgen", "tmpx", "keep"}) {
    INFO(in);
    CHECK_FALSE(ignore.ignores(in));
  }
  CHECK(ignore.has_exceptions());
  CHECK_FALSE(Ignore("*").has_exceptions());
  CHECK(Ignore("*\n!a/b").ignores("a"));
  CHECK_FALSE(Ignore("*\n!a/b").ignores("a/b/c"));
  CHECK_FALSE(Ignore("../x\n").ignores("y"));
}

TEST_CASE("a .dockerignore has an end") {
  std::string rules;
  for (int i = 0; i < 10'001; ++i) rules += "x\n";
  CHECK_THROWS_AS(Ignore(rules), kernel::Error);
}
