// The one error type of the project: what was tried, what the kernel answered, what to do about it.
#pragma once

#include <exception>
#include <string>

namespace coracle::kernel {

class Error : public std::exception {
 public:
  // `attempt` is the call with its arguments ("mount overlay on /x"), `code` the errno that the kernel
  // answered (0 when the kernel was not asked), `hint` what the reader can do about it (may be empty).
  Error(std::string attempt, int code, std::string hint = {});

  const char* what() const noexcept override { return text_.c_str(); }
  const std::string& attempt() const { return attempt_; }
  const std::string& hint() const { return hint_; }
  int code() const { return code_; }

  // The exit status that a door returns for this error: 125 unless the program itself could not be run
  // (126 not executable, 127 not found), as docker-run(1) and the shell have it.
  int status() const { return status_; }
  Error& with_status(int status);
  Error& with_hint(std::string hint);

 private:
  void compose();

  std::string attempt_;
  std::string hint_;
  std::string text_;
  int code_;
  int status_ = 125;
};

// The same text on one line, with nothing in it that a terminal would obey: control characters, which names of images
// and programs may hold, become \n, \t or \xNN.
std::string printable(const std::string& text);

// The symbol and the meaning of an errno: "EINVAL (Invalid argument)".
std::string errno_text(int code);

}  // namespace coracle::kernel
