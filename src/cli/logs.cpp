// coracle logs: what a detached container has written, as docker logs shows it.
#include <charconv>
#include <cstdio>
#include <ctime>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/duration.hpp"
#include "cli/options.hpp"
#include "engine/exec.hpp"
#include "engine/log_reader.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::cli {
namespace {

using engine::LogLine;
using kernel::Error;
using kernel::Fd;

struct Words {
  bool follow = false, timestamps = false, details = false;
  std::optional<std::size_t> tail;
  std::string since, until;  // RFC 3339; "" is no bound
};

bool read_words(Words& read, std::vector<std::string>& words) {
  Options options("logs", "[OPTIONS] CONTAINER", "Show what a detached container has written.");
  options.flag('f', "follow", "Go on with what it writes, until its end", read.follow);
  options.flag('t', "timestamps", "The time before each line", read.timestamps);
  options.flag(0, "details", "For docker's sake: there are none", read.details);
  options.value('n', "tail", "NUMBER", "The last lines only, or all", [&](const std::string& text) {
    if (text == "all") return;
    std::size_t lines = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lines);
    if (error != std::errc() || end != text.data() + text.size())
      throw Error("read --tail " + text, 0, "write a number of lines, or all");
    read.tail = lines;
  });
  options.value(0, "since", "TIME", "Not before: 2026-01-02T03:04:05Z, seconds since 1970, or 10m ago",
                [&](const std::string& text) { read.since = image::rfc3339_nano(read_time(text)); });
  options.value(0, "until", "TIME", "Not after, in the same ways",
                [&](const std::string& text) { read.until = image::rfc3339_nano(read_time(text)); });
  if (!options.read(words)) return false;
  if (words.size() != 1) throw Error("read the command line", 0, "one container is needed; see coracle logs --help");
  return true;
}

bool show(const Words& words, const LogLine& line) {
  if (line.time < words.since) return true;
  if (!words.until.empty() && line.time > words.until) return false;
  std::FILE* file = line.stream == engine::Stream::err ? stderr : stdout;
  if (file == stderr) std::fflush(stdout);  // so that who sees both sees them in their order
  if (words.timestamps) std::fprintf(file, "%s ", line.time.c_str());
  std::fwrite(line.text.data(), 1, line.text.size(), file);
  return true;
}

void flush() {
  if (std::fflush(stdout) != 0) throw Error("write the log", errno);
}

// Its last lines are in the log before the launcher ends.
void follow(engine::Engine& engine, const engine::Record& record, engine::LogReader& log, const Words& words) {
  const Fd changes(kernel::attempt([] { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }, "inotify_init1"));
  const std::string directory = engine.container_dir(record.id);
  kernel::attempt(
      [&] { return inotify_add_watch(changes.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO); },
      "inotify_add_watch {}", directory);
  const auto current = engine.records.find(record.id);
  const Fd launcher = current && engine.runs(record) ? kernel::noted_process(current->life.launcher) : Fd();
  while (true) {
    bool more = true;
    pollfd fds[] = {{changes.get(), POLLIN, 0}, {launcher.get(), POLLIN, 0}};
    const bool ended = !launcher || poll(&fds[1], 1, 0) > 0;
    log.read([&](const LogLine& line) { return more = show(words, line); });
    flush();
    if (ended || !more) return;
    poll(fds, 2, -1);
    char events[4096];
    while (read(changes.get(), events, sizeof events) > 0) {
    }
  }
}

}  // namespace

int logs(const Door& door, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, arguments)) return 0;
  engine::Engine engine(door.roots, true);
  const engine::Record record = engine::find_container(engine.records, arguments[0]);
  engine::LogReader log(engine::log_path(engine.container_dir(record.id), record.id), words.tail);
  if (!log.is_there() && record.life.started != 0)
    throw Error("read the log of " + arguments[0], 0, "it runs in the foreground: what it writes goes to who runs it");
  log.read([&](const LogLine& line) { return show(words, line); });
  flush();
  if (words.follow) follow(engine, record, log, words);
  return 0;
}

}  // namespace coracle::cli
