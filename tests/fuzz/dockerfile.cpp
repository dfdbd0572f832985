// The readers of Dockerfiles and of .dockerignore on bytes that nobody meant: stages, words, variables, settings,
// patterns. Whatever comes, it ends, in little memory; and what is written of an instruction is read as the same.
#include <cstdlib>
#include <string_view>

#include "build/dockerfile.hpp"
#include "build/patterns.hpp"
#include "build/settings.hpp"
#include "build/stages.hpp"
#include "image/change.hpp"
#include "image/config.hpp"
#include "kernel/error.hpp"

using namespace coracle;

namespace {

// What is wrong is said, and where, when that is known.
template <typename Action>
void attempt(Action action, std::string_view place = {}) {
  try {
    action();
  } catch (const kernel::Error& error) {
    if (std::string_view(error.what()).find(place) == std::string_view::npos) std::abort();
  }
}

void read_dockerfile(std::string_view text) {
  const build::Dockerfile read = build::parse_dockerfile(text, "Dockerfile");
  const std::vector<std::string> env = {"A=1", "EMPTY=", "SPACES=a b"};
  image::Config config;
  for (const build::Instruction& instruction : read.instructions) {
    if (instruction.line == 0) std::abort();
    attempt([&] { image::apply_change(config, instruction.original()); });
    attempt([&] { apply_setting(config, instruction, {env, read.escape}); });
    attempt([&] { image::split_words(instruction.text, {env, read.escape}); });
    for (const build::Heredoc& heredoc : instruction.heredocs)
      attempt([&] { image::expand_lines(heredoc.content, {env, read.escape}); });
  }
  attempt([&] { image::parse_config(to_json(config)); });
  const build::Plan plan = build::make_plan(read, "Dockerfile", {"A=2"}, "");
  for (const build::Stage& stage : plan.stages) {
    if (stage.index >= read.instructions.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  attempt([&] { read_dockerfile(text); }, "Dockerfile:");
  attempt([&] {
    const build::Ignore ignore(text);
    for (const char* path : {"a", "a/b/c", ".hidden/x", "[a]/*"}) ignore.ignores(path);
  });
  return 0;
}
