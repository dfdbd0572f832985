#include "cli/run_options.hpp"

#include <cstdio>

#include "cli/confinement.hpp"
#include "cli/env.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "launch/rootless.hpp"

namespace coracle::cli {
namespace {

using engine::RunOptions;
using kernel::Error;

void add_process_options(Options& options, ContainerWords& words) {
  RunOptions& run = words.options;
  options.group("The program");
  options.value('w', "workdir", "DIRECTORY", "Where the program starts", run.working_dir);
  options.value('u', "user", "USER", "NAME, UID, NAME:GROUP or UID:GID", run.user);
  options.value(0, "entrypoint", "PROGRAM", "In place of the image's entry point",
                [&](const std::string& text) { run.entrypoint = text; });
  options.value('e', "env", "NAME=VALUE", "A variable; NAME alone takes it from here",
                [&](const std::string& text) { words.env.push_back(read_variable(text)); });
  options.value(0, "env-file", "FILE", "A file with such a variable on each line", [&](const std::string& path) {
    for (std::string& variable : read_env_file(path)) words.env_files.push_back(std::move(variable));
  });
  options.flag('i', "interactive", "Pass our stdin on; without it the program reads /dev/null", run.interactive);
  options.flag('t', "tty", "A terminal of its own", run.terminal);
  options.value(0, "detach-keys", "KEYS", "The keys that leave the container behind (ctrl-p,ctrl-q)",
                words.detach_keys);
  options.flag(0, "init", "A small init as pid 1, which passes signals on and reaps orphans", run.init);
}

void add_identity_options(Options& options, ContainerWords& words) {
  RunOptions& run = words.options;
  options.group("The container");
  options.value(0, "name", "NAME", "Its name; else one by chance", run.name);
  options.value('h', "hostname", "NAME", "Its host name; else its id", run.hostname);
  options.value('l', "label", "NAME=VALUE", "A label, for you to find it by", [&](const std::string& text) {
    const std::size_t equals = text.find('=');
    run.labels[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  });
  options.value(0, "cidfile", "FILE", "Write its id into this file, which must not be there", words.cidfile);
  options.flag(0, "rm", "Remove it when it ends", run.remove);
  options.flag(0, "read-only", "Its root cannot be written to; volumes can", run.read_only);
}

void add_image_options(Options& options, ContainerWords& words) {
  options.group("The image");
  options.value(0, "pull", "WHEN", "Pull it before: missing (when it is not here), always or never",
                [&](const std::string& word) { words.pull = read_pull_policy(word); });
  options.value(0, "platform", "PLATFORM", "OS/ARCHITECTURE[/VARIANT] that it must be for",
                [&](const std::string& text) {
                  words.options.platform = image::parse_platform(text);
                  words.platform = text;
                });
}

}  // namespace

void add_limits(Options& options, parts::CgroupLimits& limits) {
  options.group("Limits");
  options.value('m', "memory", "BYTES", "Memory: 64m, 1g",
                [&](const std::string& text) { limits.memory = parts::parse_memory(text); });
  options.value(0, "cpus", "NUMBER", "Processors' worth of time: 0.5",
                [&](const std::string& text) { limits.cpu.quota = parts::parse_cpus(text); });
  options.value(0, "cpuset-cpus", "LIST", "The processors it may run on: 0-2,4",
                [&](const std::string& text) { limits.cpu.cpus = parts::parse_cpuset(text); });
  options.value(0, "pids-limit", "NUMBER", "Processes and threads; -1 is no limit", [&](const std::string& text) {
    if (text != "-1" && text != "0") limits.pids = parts::parse_pids(text);
  });
}

void add_container_options(Options& options, ContainerWords& words) {
  add_process_options(options, words);
  add_identity_options(options, words);
  add_lifecycle_options(options, words);
  add_volume_options(options, words.options);
  add_image_options(options, words);
  add_network_options(options, words.options);
  add_limits(options, words.options.limits);
  add_confinement(options, words.options.confinement);
}

void take_image(ContainerWords& words, std::vector<std::string> arguments, const std::string& command) {
  if (arguments.empty())
    throw Error("read the command line", 0, "an image is missing; see coracle " + command + " --help");
  RunOptions& options = words.options;
  options.image = arguments.front();
  options.command.assign(arguments.begin() + 1, arguments.end());
  options.env = std::move(words.env_files);  // those of -e come later, and win
  options.env.insert(options.env.end(), words.env.begin(), words.env.end());
  if (words.no_healthcheck) options.health = image::Healthcheck{.test = {"NONE"}};
  if (options.remove && options.restart.name != "no")
    throw Error("read the options --rm and --restart", 0,
                "what is removed cannot be started again; give one of the two");
}

void leave_out_limits(RunOptions& options) {
  if (!launch::rootless() || !parts::has_limits(options.limits) || parts::may_limit(options.limits)) return;
  std::fprintf(stderr,
               "coracle: warning: the container runs without limits: the cgroups here are not this user's; %s\n",
               parts::kDelegation);
  options.limits = {};
}

void check_cidfile(const std::string& path) {
  if (!path.empty() && kernel::exists(path))
    throw Error("write the container's id to " + path, EEXIST, "remove it, or name another file");
}

void write_cidfile(const std::string& path, const std::string& id) {
  if (path.empty()) return;
  kernel::write_all(kernel::open(path, O_WRONLY | O_CREAT | O_EXCL, 0644), id);
}

}  // namespace coracle::cli
