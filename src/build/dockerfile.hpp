// A Dockerfile, read into its instructions; https://docs.docker.com/reference/dockerfile/. What an instruction means is
// not the reader's business.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coracle::build {

// A here-document: <<NAME, <<-NAME, <<"NAME" and its lines.
struct Heredoc {
  std::string name;
  std::string content;
  bool expand = true;  // no quotes around the name
};

struct Instruction {
  std::size_t line = 0;                                    // of its first word; from 1
  std::string name;                                        // in capitals: "COPY"
  std::vector<std::pair<std::string, std::string>> flags;  // --chown=1 is {"chown", "1"}; --link is {"link", ""}
  std::string text;                                        // behind the flags, continued lines made one
  std::vector<Heredoc> heredocs;                           // of RUN, COPY and ADD

  // As it is written, in one line, for people.
  std::string original() const;
};

struct Dockerfile {
  std::vector<Instruction> instructions;
  char escape = '\\';  // ` after "# escape=`"
};

// No Dockerfile is longer, or has more instructions.
inline constexpr std::size_t kMostBytes = 4U << 20U;
inline constexpr std::size_t kMostInstructions = 10'000;

// Throws Error with the line that is wrong: "NAME:7: ...".
Dockerfile parse_dockerfile(std::string_view text, const std::string& name);

// One instruction of ONBUILD, which stands in a line of its own.
Instruction parse_instruction(const std::string& line, char escape);

// The JSON form of an instruction: ["a", "b"]. Nothing for what is no list of strings.
bool json_form(const std::string& text, std::vector<std::string>& words);

}  // namespace coracle::build
