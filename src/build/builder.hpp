// A build under way; build.hpp is how it is asked for.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "build/build.hpp"
#include "build/cache.hpp"
#include "build/copy.hpp"
#include "build/origin.hpp"
#include "build/stages.hpp"
#include "engine/overlay.hpp"
#include "image/config.hpp"
#include "image/layer.hpp"
#include "image/words.hpp"

namespace coracle::build {

// What a stage has become so far.
struct State {
  image::Config config;
  std::vector<image::Descriptor> layers;
  std::vector<std::string> arguments;  // NAME=value of each ARG so far
  bool has_cmd = false;                // of its own: ENTRYPOINT takes away what the base had
};

class Builder {
 public:
  Builder(engine::Engine& engine, const Request& request, image::Staging& staging);

  std::string run();

 private:
  // One step: what it is made of besides the state, and how it is made when it was not made before.
  struct Work {
    std::string origin;                    // a digest that stands for all of what it copies from; "" when none does
    std::function<std::string()> content;  // a digest of what it copies; none: it copies nothing
    // Gives false when it changes no files. None: it changes the configuration alone.
    std::function<bool(const engine::Overlay& overlay)> make;
  };

  State build_stage(const Stage& stage);
  State begin(const Stage& stage);
  State from_image(const std::string& name);
  void run_triggers(State& state, const Stage& stage);
  void act(State& state, const Instruction& instruction);
  void take(State& state, const Instruction& instruction, const Work& work);
  Step step_of(const State& state, const Instruction& instruction, const Work& work);
  Step make(const State& state, const Instruction& instruction, const Work& work);
  std::optional<Step> find(const std::string& key) const;
  std::string key_of(const State& state, const Instruction& instruction, const std::string& content) const;

  void argument(State& state, const Instruction& instruction);
  Work run_work(const State& state, const Instruction& instruction);
  void run_program(const State& state, const Instruction& instruction, const engine::Overlay& overlay);
  Work copy_work(const State& state, const Instruction& instruction);
  static Work directory_work(const State& state);

  std::vector<std::string> variables_of(const State& state) const;
  std::vector<std::string> layers_of(const State& state) const;
  const Origin& origin_of(const std::string& from);
  void find_sources(struct Copy& copy);
  State find_base(const std::string& name, std::size_t before);
  std::string add_image(State state);

  engine::Engine& engine_;
  const Request& request_;
  image::Staging& staging_;
  const std::string now_;
  Dockerfile dockerfile_;
  Plan plan_;
  std::size_t steps_ = 0, step_ = 0;                                 // how many there are, and which one this is
  std::map<std::size_t, State> done_;                                // stages, by their index
  std::size_t stage_ = 0;                                            // the index of the one at hand
  std::set<std::string> used_;                                       // of --build-arg
  std::map<std::string, std::unique_ptr<engine::Overlay>> mounted_;  // what COPY --from has looked into
  std::map<std::string, std::unique_ptr<Origin>> origins_;           // by --from; "" is the context
};

}  // namespace coracle::build
