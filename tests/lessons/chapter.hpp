// A chapter as the tests read it: its quotes of the source, its commands with the output to expect, its links.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace coracle::test {

// A ```cpp block below a line `<!-- quote: PATH -->`.
struct Quote {
  std::size_t line;  // of the block's first line in the chapter, from 1
  std::string path;  // of the quoted file, from the top of the source tree
  std::vector<std::string> text;
};

// A line "$ COMMAND" of a ```console block below a line `<!-- run -->`, `<!-- run: needs FEATURE -->` or
// `<!-- run: without root[, needs FEATURE] -->`, with the lines that go on with it ("> ..."), and the output to expect.
// `[...]` in a line of it stands for any text, and alone on a line for any lines.
struct Command {
  std::size_t line;
  std::string text;
  std::string needs;  // "" or the feature
  bool without_root;  // run as an ordinary user, in a home of its own
  std::vector<std::string> output;
};

struct Link {
  std::size_t line;
  std::string target;  // as written: PATH, PATH#ANCHOR, #ANCHOR or an address
};

struct Chapter {
  std::string path;  // from the top of the source tree
  std::vector<Quote> quotes;
  std::vector<Command> commands;
  std::vector<Link> links;
  std::vector<std::string> headings;  // as written: "## The idea"
  std::vector<std::string> slips;     // "README.md:12: what is wrong": markers and blocks that do not fit together
};

Chapter read_chapter(const std::string& path);

// The anchor that a heading gets where the chapters are read: "## Layers on layers" -> "layers-on-layers".
std::string anchor(const std::string& heading);

// The lines of a file of the source tree.
std::vector<std::string> lines_of_source(const std::string& path);
std::vector<std::string> split_lines(const std::string& text);

// How many of the lines of `expected` fit the beginning of `got`; all of them when the two match as a whole.
std::size_t matching_lines(const std::vector<std::string>& expected, const std::vector<std::string>& got);
bool matches(const std::vector<std::string>& expected, const std::vector<std::string>& got);

}  // namespace coracle::test
