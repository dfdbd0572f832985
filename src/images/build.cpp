// coracle build: options and output as those of docker's classic builder.
#include "build/build.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

#include "build/context.hpp"
#include "cli/options.hpp"
#include "engine/events.hpp"
#include "engine/overlay.hpp"
#include "images/compress.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"
#include "registry/pull.hpp"

namespace coracle::images {
namespace {

using kernel::Error;

struct Words {
  build::Request request;
  std::string context, file, id_file;
  bool quiet = false;
};

// NAME=value; NAME alone takes the variable from here, and is nothing when it is not there.
void add_argument(std::vector<std::string>& arguments, const std::string& text) {
  if (text.empty() || text[0] == '=') throw Error("read the option --build-arg " + text, 0, "write NAME=value");
  if (text.find('=') != std::string::npos) return arguments.push_back(text);
  if (const char* value = std::getenv(text.c_str())) arguments.push_back(text + "=" + value);
}

engine::Network read_network(const std::string& name) {
  if (name == "bridge" || name == "default") return engine::Network::bridge;
  if (name == "none") return engine::Network::none;
  if (name == "host") return engine::Network::host;
  throw Error("read the network \"" + name + "\"", 0, "the networks are bridge, none and host");
}

image::Reference read_name(const std::string& text) {
  image::Reference name = image::parse_reference(text);
  if (!name.digest.empty()) throw Error("name the image " + text, 0, "a digest cannot be chosen; give NAME[:TAG]");
  return name;
}

bool read_words(Words& words, std::vector<std::string> arguments) {
  cli::Options options("build", "[OPTIONS] DIRECTORY | -",
                       "Make an image as a Dockerfile says, of the files of a directory, or of a tar or a Dockerfile\n"
                       "on stdin (-).");
  build::Request& request = words.request;
  bool no_cache = false;
  bool remove = false;
  options.value('t', "tag", "NAME[:TAG]", "The image's name; may be given again",
                [&](const std::string& text) { request.names.push_back(read_name(text)); });
  options.value('f', "file", "FILE", "The Dockerfile, - is stdin (DIRECTORY/Dockerfile)", words.file);
  options.value(0, "build-arg", "NAME=VALUE", "A value for ARG NAME; NAME alone takes it from here",
                [&](const std::string& text) { add_argument(request.arguments, text); });
  options.value(0, "target", "STAGE", "The stage to make; else the last", request.target);
  options.flag(0, "no-cache", "Make every step anew", no_cache);
  options.flag(0, "pull", "Ask the registry for the images of FROM, also when they are here", request.pull);
  options.value(0, "label", "NAME=VALUE", "A label of the image", [&](const std::string& text) {
    const std::size_t equals = std::min(text.find('='), text.size());
    request.labels.emplace_back(text.substr(0, equals), equals < text.size() ? text.substr(equals + 1) : "");
  });
  options.value(0, "network", "NETWORK", "Of RUN: bridge (unless told otherwise), none or host",
                [&](const std::string& name) { request.network = read_network(name); });
  options.value(0, "iidfile", "FILE", "Write the image's id there", words.id_file);
  options.flag('q', "quiet", "Print the image's id alone", words.quiet);
  options.flag(0, "rm", "Nothing is left of a build in any case", remove);
  if (!options.read(arguments)) return false;
  if (arguments.size() != 1)
    throw Error("read the command line", 0, "one directory, or -, must be given; see coracle build --help");
  words.context = arguments.front();
  request.use_cache = !no_cache;
  return true;
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);  // before a program says something
}

void fetch(engine::Engine& engine, const image::Reference& name, const Signals& signals) {
  registry::PullRequest request;
  request.name = name;
  request.go_on = [&] { signals.throw_when_asked_to_end("build"); };
  registry::pull(engine.store, request);
}

// While it lives, what the programs of RUN print goes to a file; when the build fails, it is shown after all.
class Silence {
 public:
  explicit Silence(const std::string& file)
      : kept_(kernel::open(file, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0600)),
        out_(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)),
        err_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    dup2(kept_.get(), STDOUT_FILENO);
    dup2(kept_.get(), STDERR_FILENO);
  }
  ~Silence() {
    dup2(out_.get(), STDOUT_FILENO);
    dup2(err_.get(), STDERR_FILENO);
    if (std::uncaught_exceptions() > 0) show();
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  void show() const noexcept {
    lseek(kept_.get(), 0, SEEK_SET);
    char piece[4096];
    ssize_t count = 0;
    while ((count = read(kept_.get(), piece, sizeof piece)) > 0) {
      if (write(STDERR_FILENO, piece, static_cast<std::size_t>(count)) < 0) return;
    }
  }

  kernel::Fd kept_, out_, err_;
};

std::string build_image(engine::Engine& engine, Words& words) {
  return engine.store.staged([&](const image::Staging& staging) {
    std::optional<Silence> silence;
    if (words.quiet) silence.emplace(staging.path() + "/output");
    build::open_context(words.request, words.context, words.file, staging);
    cli::read_nothing();
    return build::build(engine, words.request);
  });
}

}  // namespace

int build(const cli::Door& door, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, std::move(arguments))) return 0;
  const Signals signals;
  build::Request& request = words.request;
  request.program_mask = &signals.before();
  request.go_on = [&] { signals.throw_when_asked_to_end("build"); };
  request.compress = compress;
  if (!words.quiet) request.say = say;
  engine::Engine engine(door.roots);
  request.fetch = [&](const image::Reference& name) { fetch(engine, name, signals); };
  cli::sweep(engine);
  engine::begin_own_mounts();
  const std::string id = build_image(engine, words);
  for (const image::Reference& name : request.names) engine::tell(engine, "image", "tag", id, {{"name", name.text()}});
  if (!words.id_file.empty()) kernel::create_file(words.id_file, id);
  if (words.quiet) say(id);
  return 0;
}

}  // namespace coracle::images
