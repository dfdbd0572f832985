// coracle import [-c CHANGE]... TAR... NAME[:TAG]
#include "image/import.hpp"

#include <csignal>
#include <cstdio>
#include <ctime>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

// The signals that end us are held back, so that the import can come to an end that leaves nothing behind.
sigset_t hold_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void throw_when_asked_to_end(const sigset_t& signals) {
  constexpr timespec at_once{};
  const int signal = sigtimedwait(&signals, nullptr, &at_once);
  if (signal > 0) throw Error("import", 0, "ended by " + kernel::signal_name(signal)).with_status(128 + signal);
}

}  // namespace

int import(const Door& door, std::vector<std::string> words) {
  Options options("import", "[OPTIONS] TAR... NAME[:TAG]",
                  "Make an image of tar archives (plain, gzip, zstd, xz): each becomes one layer,\n"
                  "the first is the lowest. Prints the image's id.");
  image::ImportRequest request;
  options.value('c', "change", "INSTRUCTION",
                "of a Dockerfile: ENV, CMD, ENTRYPOINT, WORKDIR, USER, EXPOSE, VOLUME, LABEL or STOPSIGNAL",
                [&](const std::string& change) { request.changes.push_back(change); });
  if (!options.read(words)) return 0;
  if (words.size() < 2) {
    throw Error("read the command line", 0, "an archive and a name must be given; see coracle import --help");
  }
  request.name = image::parse_reference(words.back());
  request.archives.assign(words.begin(), words.end() - 1);

  const sigset_t signals = hold_signals();
  request.go_on = [&] { throw_when_asked_to_end(signals); };
  engine::Engine engine(door.roots);
  sweep(engine);
  std::puts(image::import_image(engine.store, request).c_str());
  return 0;
}

}  // namespace coracle::cli
