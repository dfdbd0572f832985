#include "parts/confine/note.hpp"

#include <sstream>

#include "kernel/recorder.hpp"
#include "parts/confine/filter_cache.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

constexpr const char* kNote = "/confine";

// A line of words, each a setting's name and its numbers; then, when there is a filter, its bytes.
std::string written(const ConfineOptions& options, const std::optional<SeccompFilter>& filter) {
  std::string text =
      fmt::format("keyring {} no_new_privileges {} ", int{options.new_keyring}, int{options.no_new_privileges});
  if (const auto& sets = options.capabilities)
    text += fmt::format("capabilities {} {} {} {} {} ", sets->bounding, sets->permitted, sets->effective,
                        sets->inheritable, sets->ambient);
  for (const Rlimit& limit : options.rlimits)
    text += fmt::format("rlimit {} {} {} ", limit.resource, limit.soft, limit.hard);
  if (options.oom_score_adj) text += fmt::format("oom_score_adj {} ", *options.oom_score_adj);
  return text + "\n" + (filter ? packed(*filter, "") : "");
}

void read_word(const std::string& name, std::istream& words, ConfineOptions& options) {
  if (name == "keyring") words >> options.new_keyring;
  if (name == "no_new_privileges") words >> options.no_new_privileges;
  if (name == "capabilities") {
    CapabilityOptions& sets = options.capabilities.emplace();
    words >> sets.bounding >> sets.permitted >> sets.effective >> sets.inheritable >> sets.ambient;
  }
  if (name == "rlimit") {
    Rlimit& limit = options.rlimits.emplace_back();
    words >> limit.resource >> limit.soft >> limit.hard;
  }
  if (name == "oom_score_adj") words >> options.oom_score_adj.emplace();
}

}  // namespace

void keep_confinement(const std::string& run_dir, const ConfineOptions& options,
                      const std::optional<SeccompFilter>& filter) {
  kernel::create_file(run_dir + kNote, written(options, filter), 0600);
}

ConfineOptions read_confinement(const std::string& run_dir) {
  const std::string note = kernel::read_file(run_dir + kNote);
  const std::size_t end = note.find('\n');
  std::istringstream words(note.substr(0, end));
  ConfineOptions options;
  for (std::string name; words >> name;) read_word(name, words, options);
  const std::string bytes = end == std::string::npos ? "" : note.substr(end + 1);
  if (!bytes.empty()) {
    const auto filter = unpacked(bytes, "");
    if (!filter) throw Error("read " + run_dir + kNote, 0, "its seccomp filter is damaged");
    options.seccomp = *filter;
  }
  return options;
}

}  // namespace coracle::parts
