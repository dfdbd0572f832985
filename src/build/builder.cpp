// The order of a build: stages, their steps, the cache, the image in the end.
#include "build/builder.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "build/settings.hpp"
#include "engine/files.hpp"
#include "image/digest.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"

namespace coracle::build {

Builder::Builder(engine::Engine& engine, const Request& request, image::Staging& staging)
    : engine_(engine),
      request_(request),
      staging_(staging),
      now_(image::rfc3339(image::time_of_making())),
      dockerfile_(parse_dockerfile(request.dockerfile, request.file_name)),
      plan_(make_plan(dockerfile_, request.file_name, request.arguments, request.target)) {}

std::string Builder::run() {
  for (const Stage& stage : plan_.stages) steps_ += 1 + stage.instructions.size();
  for (const Stage& stage : plan_.stages) {
    stage_ = stage.index;
    done_[stage.index] = build_stage(stage);
  }
  for (const std::string& argument : request_.arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    if (!used_.contains(name)) request_.say("[Warning] One or more build-args [" + name + "] were not consumed");
  }
  std::string id = add_image(done_.at(plan_.stages.back().index));
  request_.say("Successfully built " + image::short_id(id));
  for (const image::Reference& name : request_.names) request_.say("Successfully tagged " + name.text());
  return id;
}

State Builder::build_stage(const Stage& stage) {
  State state;
  const auto step = [&](const Instruction& instruction, const auto& action) {
    request_.go_on();
    request_.say(fmt::format("Step {}/{} : {}", ++step_, steps_, kernel::printable(instruction.original())));
    try {
      action();
    } catch (const std::exception& error) {
      throw_at(request_.file_name, instruction, error);
    }
  };
  step(stage.from, [&] { state = begin(stage); });
  for (const Instruction& instruction : stage.instructions) step(instruction, [&] { act(state, instruction); });
  return state;
}

void Builder::act(State& state, const Instruction& instruction) {
  const std::string& name = instruction.name;
  if (name == "RUN") return take(state, instruction, run_work(state, instruction));
  if (name == "COPY" || name == "ADD") return take(state, instruction, copy_work(state, instruction));
  if (name == "ARG") return argument(state, instruction);
  const std::vector<std::string> variables = variables_of(state);
  apply_setting(state.config, instruction, {variables, dockerfile_.escape});
  if (name == "CMD") state.has_cmd = true;
  if (name == "ENTRYPOINT" && !state.has_cmd) state.config.cmd.clear();
  if (name == "WORKDIR") return take(state, instruction, directory_work(state));
  take(state, instruction, {});
}

// A variable of the build, which no layer and no program but those of RUN know.
void Builder::argument(State& state, const Instruction& instruction) {
  const std::vector<std::string> known = variables_of(state);
  for (const Argument& one : read_arguments(instruction, known, request_.arguments, dockerfile_.escape)) {
    used_.insert(one.name);
    if (one.value) {
      image::set_variable(state.arguments, one.name + "=" + *one.value);
      continue;
    }
    for (const std::string& global : plan_.globals) {
      if (global.starts_with(one.name + "=")) image::set_variable(state.arguments, global);
    }
  }
  take(state, instruction, {});
}

void Builder::take(State& state, const Instruction& instruction, const Work& work) {
  const Step step = step_of(state, instruction, work);
  state.config.created = step.created;
  state.config.history.push_back(
      {.created = step.created, .created_by = instruction.original(), .empty_layer = step.diff_id.empty()});
  if (step.diff_id.empty()) return;
  state.layers.push_back(step.layer);
  state.config.diff_ids.push_back(step.diff_id);
  request_.say(" ---> " + image::short_id(step.diff_id));
}

Step Builder::step_of(const State& state, const Instruction& instruction, const Work& work) {
  // Files of a stage need not be looked at when all that the stage is made of was seen with this instruction before.
  const std::string near = work.origin.empty() ? "" : key_of(state, instruction, work.origin);
  std::optional<Step> step = near.empty() ? std::nullopt : find(near);
  const std::string key = step ? "" : key_of(state, instruction, work.content ? work.content() : "");
  if (!step) step = find(key);
  if (step && work.make) request_.say(" ---> Using cache");
  if (!step) {
    step = make(state, instruction, work);
    // Of a context that somebody has changed meanwhile nobody knows what was copied.
    const bool may_change = work.origin.empty() && work.content;
    if (!may_change || key_of(state, instruction, work.content()) == key) keep_step(engine_.database, key, *step);
  }
  if (!near.empty() && !key.empty()) keep_step(engine_.database, near, *step);
  return *step;
}

Step Builder::make(const State& state, const Instruction& instruction, const Work& work) {
  Step step{.created = now_};
  if (!work.make) return step;
  const engine::Overlay overlay(staging_.path(), layers_of(state));
  if (!work.make(overlay)) return step;
  const auto progress = [&](const image::Descriptor&, std::uint64_t, std::uint64_t) { request_.go_on(); };
  const image::StagedLayer staged =
      image::stage_layer(staging_, request_.compress(engine::pack_changes(overlay.upper(), overlay.lower())),
                         "the layer of " + instruction.name, progress);
  engine_.store.add_layer(staged.layer);
  step.diff_id = staged.layer.diff_id;
  step.layer = staged.descriptor;
  return step;
}

std::optional<Step> Builder::find(const std::string& key) const {
  return request_.use_cache ? find_step(engine_.database, key) : std::nullopt;
}

// All that the outcome depends on: the files and the configuration so far, the instruction, what it copies, and the
// variables of the build.
std::string Builder::key_of(const State& state, const Instruction& instruction, const std::string& content) const {
  image::Config config = state.config;
  config.created.clear();
  config.history.clear();
  std::string documents;
  for (const Heredoc& heredoc : instruction.heredocs) documents += heredoc.name + "\n" + heredoc.content;
  const nlohmann::json all = {image::to_json(config),
                              instruction.original(),
                              documents,
                              content,
                              state.arguments,
                              image::source_date_epoch().value_or(-1)};
  return image::sha256(all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

// ENV stands before ARG.
std::vector<std::string> Builder::variables_of(const State& state) const {
  std::vector<std::string> variables = state.arguments;
  for (const std::string& entry : state.config.env) image::set_variable(variables, entry);
  return variables;
}

std::vector<std::string> Builder::layers_of(const State& state) const {
  return engine_.store.layer_directories(state.config);
}

std::string Builder::add_image(State state) {
  for (const auto& [name, value] : request_.labels) state.config.labels[name] = value;
  return image::add_image(engine_.store, staging_, {}, state.layers, state.config, request_.names);
}

std::string build(engine::Engine& engine, const Request& request) {
  return engine.store.staged([&](image::Staging& staging) { return Builder(engine, request, staging).run(); });
}

}  // namespace coracle::build
