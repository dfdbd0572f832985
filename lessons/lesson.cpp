#include "lesson.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "kernel/recorder.hpp"
#include "launch/rootless.hpp"
#include "launch/timeline.hpp"

namespace coracle {
namespace {

// A lesson in our own root runs its program with our environment; in another root with none of it but the terminal.
std::vector<std::string> environment_for(bool own_root) {
  std::vector<std::string> environment;
  if (own_root) {
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  } else if (const char* term = std::getenv("TERM"); term != nullptr) {
    environment.push_back(std::string("TERM=") + term);
  }
  return environment;
}

}  // namespace

Lesson::Lesson(const std::string& name, const std::string& what, const std::string& words)
    : app(what, name), id(launch::new_id()) {
  app.prefix_command();  // the first word that is not ours begins the command; everything behind belongs to it
  usage_ = "usage: " + name + " [OPTIONS] " + (words.empty() ? "" : words + " ") + "CMD...";
  app.footer("CMD... is the program to run, with its arguments. " + usage_);
  if (words == "ROOTFS") app.add_option("ROOTFS", rootfs, "The directory that becomes the root");
  timeline_option_ =
      app.add_flag("--timeline", timeline_, "Show what was done and how long it took (=FILE.json, =FILE.svg)");
}

CLI::Option* Lesson::add_words(const std::string& name, std::vector<std::string>& words, const std::string& what) {
  return app.add_option(name, words, what)->allow_extra_args(false);  // or CMD would be taken for another of them
}

int Lesson::run(int argc, char** argv, const std::function<void(parts::Parts&)>& list) {
  return report_errors(app.get_name(), [&] {
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& success) {
      return app.exit(success);
    } catch (const CLI::ParseError& error) {
      std::fprintf(stderr, "%s: %s (see %s --help)\n", app.get_name().c_str(), error.what(), app.get_name().c_str());
      return 125;
    }
    return start(list);
  });
}

int Lesson::start(const std::function<void(parts::Parts&)>& list) {
  process.args = app.remaining();
  if (join_pid != 0 && !rootfs.empty()) process.args.insert(process.args.begin(), rootfs);  // there is a root already
  if (timeline_ == "true") timeline_.clear();  // CLI11's word for a flag without a value
  launch::check_timeline(timeline_);
  if (!terminal) return act(list, nullptr);
  const bool interactive = kernel::is_terminal(STDIN_FILENO);
  return launch::attend({interactive, detach_keys}, [&](launch::Keeper& keeper) {
    console = keeper.options();
    return act(list, &keeper);
  });
}

int Lesson::act(const std::function<void(parts::Parts&)>& list, launch::Keeper* keeper) {
  parts::Parts parts;
  list(parts);
  if (process.args.empty()) throw kernel::Error("read the command line", 0, usage_);
  const std::vector<std::string> environment = environment_for(
      std::none_of(parts.begin(), parts.end(), [](const auto& part) { return part->stage() == parts::Stage::root; }));
  process.env.insert(process.env.begin(), environment.begin(), environment.end());
  if (join_pid == 0 && !parts.empty()) {
    if (launch::rootless()) launch::end_abandoned(launch::default_run_root());
    launch::become_root_inside(app.get_name());
  }
  const launch::Watch watch = keeper != nullptr ? keeper->watch() : launch::Watch{};
  if (join_pid != 0) return launch::join(process, parts, join_pid, {.watch = watch})->status();
  const std::string run_root = launch::default_run_root();
  launch::sweep(run_root, parts);
  const bool record = timeline_option_->count() > 0;
  const launch::Outcome outcome =
      launch::run(process, parts, {.run_root = run_root, .id = id, .record = record, .watch = watch});
  if (keeper != nullptr) keeper->restore();
  for (const std::string& left : outcome.left_behind)
    std::fprintf(stderr, "%s: left behind: %s\n", app.get_name().c_str(), left.c_str());
  if (record) launch::show_timeline(timeline_);
  return outcome.ending.status();
}

}  // namespace coracle
