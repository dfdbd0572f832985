// coracle rm: removes containers, as docker rm does.
#include <cstdio>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "engine/exec.hpp"
#include "engine/lifecycle.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

// First all are ended, then all are removed: an ordinary user who removes is inside a namespace from where the
// processes of the next one are out of reach.
int remove_by_force(engine::Engine& engine, const std::vector<std::string>& words, bool volumes) {
  const int failed = for_each(words, [&](const std::string& word) {
    if (const auto record = engine::look_for_container(engine.records, word)) {
      engine::kill_for_good(engine, *record);
    } else {
      std::fprintf(stderr, "coracle: find the container \"%s\": there is none with this name or id\n",
                   kernel::printable(word).c_str());
    }
  });
  return failed | for_each(words, [&](const std::string& word) {
           const auto record = engine::look_for_container(engine.records, word);
           if (!record) return;
           engine::remove(engine, *record, volumes, true);
           std::puts(word.c_str());
         });
}

}  // namespace

int rm(const Door& door, std::vector<std::string> words) {
  Options options("rm", "[OPTIONS] CONTAINER [CONTAINER...]", "Remove containers, with all that they changed.");
  bool force = false;
  bool volumes = false;
  options.flag('f', "force", "Kill those that run; one that is not there is no failure", force);
  options.flag('v', "volumes", "Their volumes without a name as well", volumes);
  if (!options.read(words)) return 0;
  if (words.empty()) throw kernel::Error("read the command line", 0, "a container is missing; see coracle rm --help");
  engine::Engine engine(door.roots, true);
  if (force) return remove_by_force(engine, words, volumes);
  return for_each_container(engine, words,
                            [&](const engine::Record& record) { engine::remove(engine, record, volumes); });
}

}  // namespace coracle::cli
