// What whoever called us reads when something went wrong: a line on stderr, and in the file of --log, as text or as
// JSON, in the words that containerd and podman look for (logrus: level, msg, time).
#pragma once

#include <string>

namespace coracle::oci {

struct Log {
  std::string file;  // "" is none
  bool json = false;
  bool debug = false;
};

// `level` is error, warning, info or debug; debug only counts with Log::debug.
void write_log(const Log& log, const char* level, const std::string& text) noexcept;

}  // namespace coracle::oci
