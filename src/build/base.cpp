// FROM: what a stage begins with.
#include <utility>

#include <fmt/format.h>

#include "build/builder.hpp"
#include "image/digest.hpp"

namespace coracle::build {

State Builder::begin(const Stage& stage) {
  State state = find_base(stage.base, stage.index);
  state.arguments.clear();
  state.has_cmd = false;
  if (!state.config.diff_ids.empty()) request_.say(" ---> " + image::short_id(state.config.diff_ids.back()));
  run_triggers(state, stage);
  return state;
}

// A stage before this one, an image, or nothing at all.
State Builder::find_base(const std::string& name, std::size_t before) {
  for (const Stage& stage : plan_.stages) {
    if (stage.index < before && find_stage({stage}, 1, name)) return done_.at(stage.index);
  }
  if (name != "scratch") return from_image(name);
  State state;
  state.config.architecture = image::host_architecture();
  state.config.created = now_;
  return state;
}

State Builder::from_image(const std::string& name) {
  auto found = request_.pull ? std::nullopt : engine_.store.look_up(name);
  if (!found) {
    request_.fetch(image::parse_reference(name));
    found = engine_.store.find(name);
  }
  State state;
  state.config = found->config;
  state.layers = image::parse_manifest(engine_.store.document(found->manifest)).layers;
  return state;
}

// What the base left for whoever builds on it.
void Builder::run_triggers(State& state, const Stage& stage) {
  const std::vector<std::string> triggers = std::exchange(state.config.on_build, {});
  if (!triggers.empty()) request_.say(fmt::format("# Executing {} build trigger(s)", triggers.size()));
  for (const std::string& trigger : triggers) {
    Instruction instruction = parse_instruction(trigger, '\\');
    instruction.line = stage.from.line;
    act(state, instruction);
  }
}

}  // namespace coracle::build
