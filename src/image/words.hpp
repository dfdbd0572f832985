// The words of an instruction of a Dockerfile: quotes, the escape, and variables: Dockerfile reference, "Environment
// replacement".
#pragma once

#include <string>
#include <vector>

namespace coracle::image {

// What $NAME, ${NAME}, ${NAME:-word}, ${NAME:+word} (and the same without the colon) stand for: `env` has NAME=value.
struct Variables {
  const std::vector<std::string>& env;
  char escape = '\\';
};

// Splits at blanks as a shell does, with quotes and escapes; variables are replaced, and what they stand for is not
// split. Throws Error for a quote or a brace that is not closed.
std::vector<std::string> split_words(const std::string& text, const Variables& variables);

// The same for a text that is one word, blanks and all.
std::string one_word(const std::string& text, const Variables& variables);

// What is replaced in the lines of a here-document: variables, and \ before $ and \; quotes are themselves.
std::string expand_lines(const std::string& text, const Variables& variables);

}  // namespace coracle::image
