#include "oci/log.hpp"

#include <cstdio>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernel/fd.hpp"

namespace coracle::oci {
namespace {

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string line_of(const Log& log, const char* level, const std::string& text) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char time[32];
  std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (log.json) return fmt::format("{{\"level\":\"{}\",\"msg\":{},\"time\":\"{}\"}}\n", level, quoted(text), time);
  return fmt::format("time=\"{}\" level={} msg={}\n", time, level, quoted(text));
}

}  // namespace

void write_log(const Log& log, const char* level, const std::string& text) noexcept {
  if (std::strcmp(level, "debug") == 0 && !log.debug) return;
  std::fprintf(stderr, "coracle-oci: %s%s\n", std::strcmp(level, "warning") == 0 ? "warning: " : "", text.c_str());
  if (log.file.empty()) return;
  try {
    kernel::write_all(kernel::open(log.file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0644),
                      line_of(log, level, text));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coracle-oci: %s\n", error.what());
  }
}

}  // namespace coracle::oci
