// RUN: a program in the files so far, as confined as a container of `coracle run`.
#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include "build/builder.hpp"
#include "build/settings.hpp"
#include "engine/run.hpp"
#include "kernel/error.hpp"

namespace coracle::build {
namespace {

using kernel::Error;
using kernel::Fd;
using Words = std::vector<std::string>;

// Variables that need no ARG: they say how this host reaches others, and make no difference to what is built.
// https://docs.docker.com/reference/dockerfile/#predefined-args
bool is_proxy(const std::string& argument) {
  static const std::set<std::string> names = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
                                              "ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy"};
  return names.contains(argument.substr(0, argument.find('=')));
}

engine::Network network_of(const Instruction& instruction, engine::Network otherwise) {
  const std::string name = flag(instruction, "network");
  if (name.empty() || name == "default") return otherwise;
  if (name == "none") return engine::Network::none;
  if (name == "host") return engine::Network::host;
  throw Error("read --network=" + name, 0, "it is default, none or host");
}

// A here-document that is the whole command is a script of its own.
const Heredoc* script_of(const Instruction& instruction) {
  const bool alone = instruction.heredocs.size() == 1 && instruction.text.starts_with("<<") &&
                     instruction.text.find_first_of(" \t") == std::string::npos;
  return alone ? &instruction.heredocs.front() : nullptr;
}

// A script with an interpreter of its own: a file in the root while it runs.
class Script {
 public:
  Script(const std::string& root, const std::string& content) : root_(kernel::open(root, O_PATH | O_DIRECTORY)) {
    kernel::write_all(kernel::openat(root_, kName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0700), content);
  }
  ~Script() { ::unlinkat(root_.get(), kName, 0); }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  static std::string path() { return std::string("/") + kName; }

 private:
  static constexpr const char* kName = ".coracle-build-script";
  Fd root_;
};

Words command_of(const Instruction& instruction, const image::Config& config) {
  Words words;
  if (instruction.heredocs.empty() && json_form(instruction.text, words) && !words.empty()) return words;
  words = config.shell.empty() ? Words{"/bin/sh", "-c"} : config.shell;
  if (const Heredoc* script = script_of(instruction)) {
    if (script->content.starts_with("#!")) return {Script::path()};
    words.push_back(script->content);
    return words;
  }
  std::string text = instruction.text;  // the shell reads here-documents itself
  for (const Heredoc& heredoc : instruction.heredocs) text += "\n" + heredoc.content + heredoc.name;
  words.push_back(instruction.heredocs.empty() ? text : text + "\n");
  return words;
}

}  // namespace

Builder::Work Builder::run_work(const State& state, const Instruction& instruction) {
  check_flags(instruction, {"network"});
  network_of(instruction, request_.network);
  if (instruction.text.empty()) throw Error("read RUN", 0, "a command is missing");
  return {.make = [&](const engine::Overlay& overlay) {
    run_program(state, instruction, overlay);
    return true;
  }};
}

void Builder::run_program(const State& state, const Instruction& instruction, const engine::Overlay& overlay) {
  engine::RunOptions options;
  options.image = "of this stage";
  options.entrypoint = "";
  options.command = command_of(instruction, state.config);
  options.network = network_of(instruction, request_.network);
  for (const std::string& argument : request_.arguments) {
    if (is_proxy(argument)) image::set_variable(options.env, argument);
    if (is_proxy(argument)) used_.insert(argument.substr(0, argument.find('=')));
  }
  for (const std::string& argument : state.arguments) image::set_variable(options.env, argument);
  for (const std::string& entry : state.config.env) image::set_variable(options.env, entry);
  std::optional<Script> script;
  if (options.command.front() == Script::path()) script.emplace(overlay.root(), instruction.heredocs.front().content);
  const engine::Ended ended = engine::run_in(engine_, options, state.config, overlay.root(), request_.program_mask);
  for (const std::string& left : ended.left_behind) request_.say("[Warning] left behind: " + left);
  if (ended.asked_to_end != 0)
    throw Error("build", 0, "ended by " + kernel::signal_name(ended.asked_to_end))
        .with_status(128 + ended.asked_to_end);
  if (ended.status != 0)
    throw Error("run the command", 0, fmt::format("it returned the status {}", ended.status)).with_status(1);
}

}  // namespace coracle::build
