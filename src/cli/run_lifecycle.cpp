// The options of `run` and `create` for the life of a container: restart policy, log, the way it is stopped, health.
#include <charconv>

#include "cli/duration.hpp"
#include "cli/run_options.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// go-units' FromHumanSize: "10m" is ten million.
std::int64_t read_size(const std::string& text) {
  const std::size_t end = text.find_first_not_of("0123456789");
  const auto count = number(std::string_view(text).substr(0, end));
  const std::string unit = end == std::string::npos ? "" : text.substr(end);
  const std::int64_t factor = unit.empty() || unit == "b" ? 1
                              : unit == "k"               ? 1000
                              : unit == "m"               ? 1'000'000
                              : unit == "g"               ? 1'000'000'000
                                                          : 0;
  if (!count || *count <= 0 || factor == 0) throw Error("read the size \"" + text + "\"", 0, "write 512k, 10m or 1g");
  return *count * factor;
}

// docker's driver json-file.
void read_log_option(const std::string& text, engine::LogOptions& log) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (name == "max-size") {
    log.max_size = read_size(value);
    return;
  }
  const auto files = number(value);
  if (name != "max-file" || !files || *files < 1)
    throw Error("read the log option \"" + text + "\"", 0, "the options are max-size=10m and max-file=3");
  log.max_file = *files;
}

void add_health_options(Options& options, ContainerWords& words) {
  options.group("Health");
  const auto health = [&words]() -> image::Healthcheck& {
    if (!words.options.health) words.options.health.emplace();
    return *words.options.health;
  };
  options.value(0, "health-cmd", "COMMAND", "What the container's shell runs to see whether it works",
                [health](const std::string& text) {
                  health().test = {"CMD-SHELL", text};
                });
  options.value(0, "health-interval", "TIME", "Between two checks (30s)",
                [health](const std::string& text) { health().interval = read_duration(text); });
  options.value(0, "health-timeout", "TIME", "After which a check has failed (30s)",
                [health](const std::string& text) { health().timeout = read_duration(text); });
  options.value(0, "health-start-period", "TIME", "In which it may fail without being counted (0s)",
                [health](const std::string& text) { health().start_period = read_duration(text); });
  options.value(0, "health-start-interval", "TIME", "Between two checks in that period (5s)",
                [health](const std::string& text) { health().start_interval = read_duration(text); });
  options.value(0, "health-retries", "NUMBER", "Failures in a row that make it unhealthy (3)",
                [health](const std::string& text) {
                  const auto retries = number(text);
                  if (!retries || *retries < 0) throw Error("read --health-retries " + text, 0, "write a number");
                  health().retries = *retries;
                });
  options.flag(0, "no-healthcheck", "Without the image's check", words.no_healthcheck);
}

}  // namespace

engine::RestartPolicy read_restart(const std::string& text) {
  engine::RestartPolicy policy;
  const std::size_t colon = text.find(':');
  policy.name = text.substr(0, colon);
  const auto most = colon == std::string::npos ? std::optional(0) : number(std::string_view(text).substr(colon + 1));
  const bool known =
      policy.name == "no" || policy.name == "always" || policy.name == "unless-stopped" || policy.name == "on-failure";
  if (!known || !most || *most < 0 || (colon != std::string::npos && policy.name != "on-failure")) {
    throw Error("read the restart policy \"" + text + "\"", 0,
                "it is no, on-failure, on-failure:NUMBER, always or unless-stopped");
  }
  policy.most = *most;
  return policy;
}

void add_lifecycle_options(Options& options, ContainerWords& words) {
  engine::RunOptions& run = words.options;
  options.value(0, "restart", "POLICY", "Start it again: no, on-failure[:NUMBER], always, unless-stopped",
                [&](const std::string& text) { run.restart = read_restart(text); });
  options.value(0, "stop-signal", "SIGNAL", "What asks it to end (the image's, or TERM)", [&](const std::string& text) {
    if (!kernel::signal_number(text))
      throw Error("read the signal \"" + text + "\"", 0, "write a name or a number: TERM, SIGTERM, 15");
    run.stop_signal = text;
  });
  options.value(0, "stop-timeout", "SECONDS", "How long it may take to end (10); -1 for ever",
                [&](const std::string& text) {
                  const auto seconds = number(text);
                  if (!seconds || *seconds < -1) throw Error("read --stop-timeout " + text, 0, "write seconds, or -1");
                  run.stop_timeout = *seconds;
                });
  options.value(0, "log-driver", "DRIVER", "json-file, which is all there is", [&](const std::string& text) {
    if (text != "json-file") throw Error("read the log driver \"" + text + "\"", 0, "json-file is all there is");
  });
  options.value(0, "log-opt", "OPTION=VALUE", "Of the log: max-size=10m, max-file=3",
                [&](const std::string& text) { read_log_option(text, run.log); });
  add_health_options(options, words);
}

}  // namespace coracle::cli
