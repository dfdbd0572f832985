#include "engine/container_events.hpp"

#include "engine/options_json.hpp"
#include "kernel/error.hpp"

namespace coracle::engine {

void tell(const Engine& engine, const Record& record, const RunOptions& options, const std::string& action,
          Attributes more) noexcept {
  try {
    more.insert(options.labels.begin(), options.labels.end());
    more["image"] = options.image;
    more["name"] = record.name;
  } catch (const std::bad_alloc&) {
    // It is told with less.
  }
  tell(engine, "container", action, record.id, more);
}

void tell(const Engine& engine, const Record& record, const std::string& action, Attributes more) noexcept {
  RunOptions options;
  try {
    options = parse_options(record.options);
  } catch (const kernel::Error&) {
    // Its record is damaged.
  }
  tell(engine, record, options, action, std::move(more));
}

void tell_died(const Engine& engine, const Record& record, const RunOptions& options, int status,
               bool oom_killed) noexcept {
  if (oom_killed) tell(engine, record, options, "oom");
  tell(engine, record, options, "die", {{"exitCode", std::to_string(status)}});
}

}  // namespace coracle::engine
