// coracle commit: options and output as docker commit has them.
#include "engine/commit.hpp"

#include <cstdio>

#include "cli/options.hpp"
#include "engine/events.hpp"
#include "images/compress.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"

namespace coracle::images {
namespace {

using kernel::Error;

bool read_boolean(const std::string& text) {
  if (text.empty() || text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  throw Error("read the option --pause=" + text, 0, "it is true or false");
}

}  // namespace

int commit(const cli::Door& door, std::vector<std::string> words) {
  cli::Options options("commit", "[OPTIONS] CONTAINER [NAME[:TAG]]",
                       "Make an image of what a container has become. Prints the image's id.");
  engine::CommitRequest request;
  options.value('a', "author", "TEXT", "Who made it", request.author);
  options.value('m', "message", "TEXT", "What for, in its history", request.message);
  options.value('c', "change", "INSTRUCTION",
                "of a Dockerfile: ENV, CMD, ENTRYPOINT, WORKDIR, USER, EXPOSE, VOLUME, LABEL or STOPSIGNAL",
                [&](const std::string& change) { request.changes.push_back(change); });
  options.optional_value("pause", "BOOLEAN", "Let the container stand still meanwhile (true)",
                         [&](const std::string& text) { request.pause = read_boolean(text); });
  if (!options.read(words)) return 0;
  if (words.empty() || words.size() > 2) {
    throw Error("read the command line", 0, "a container and at most one name are needed; see coracle commit --help");
  }
  request.container = words[0];
  if (words.size() == 2) request.name = image::parse_reference(words[1]);

  const Signals signals;
  request.go_on = [&] { signals.throw_when_asked_to_end("commit"); };
  request.warn = [](const std::string& text) { std::fprintf(stderr, "coracle: warning: %s\n", text.c_str()); };
  request.compress = compress;
  engine::Engine engine(door.roots);
  cli::sweep(engine);
  const std::string id = engine::commit(engine, request);
  engine::tell(engine, "image", "commit", id, {{"name", request.name ? request.name->text() : id}});
  std::puts(id.c_str());
  return 0;
}

}  // namespace coracle::images
