// A container in the fields of docker inspect; the engine API's ContainerInspect.
#include <nlohmann/json.hpp>

#include "cli/describe.hpp"
#include "engine/exec.hpp"
#include "engine/join_note.hpp"
#include "engine/log.hpp"
#include "image/time.hpp"
#include "image/usage.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "kernel/tree_size.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

std::string moment(std::int64_t time) { return time == 0 ? "0001-01-01T00:00:00Z" : image::rfc3339_nano(time); }

// Of its first process; 0 when it does not run, or has ended since.
pid_t pid_of(const ContainerView& container) {
  if (!container.runs() || !engine::can_be_joined(container.record.run_root, container.record.id)) return 0;
  try {
    return kernel::noted_pid(engine::read_join_note(container.record.run_root, container.record.id).process);
  } catch (const Error&) {
    return 0;
  }
}

Json state(const ContainerView& container) {
  const engine::Life& life = container.record.life;
  Json state = {{"Status", container.state},
                {"Running", container.runs()},
                {"Paused", container.state == "paused"},
                {"Restarting", container.state == "restarting"},
                {"OOMKilled", life.oom_killed},
                {"Dead", container.state == "dead"},
                {"Pid", pid_of(container)},
                {"ExitCode", life.status},
                {"Error", life.error},
                {"StartedAt", moment(life.started)},
                {"FinishedAt", moment(life.finished)}};
  Json health = Json::parse(life.health, nullptr, false);
  if (health.is_object()) state["Health"] = std::move(health);
  return state;
}

Json list_or_null(const std::vector<std::string>& list) { return list.empty() ? Json() : Json(list); }

Json names_of(const std::vector<std::string>& list) {
  Json names = Json::object();
  for (const std::string& name : list) names[name] = Json::object();
  return names;
}

// What its program was to be, out of the image and the options.
Json config(ContainerViewer& viewer, const ContainerView& container) {
  const engine::RunOptions& options = container.options;
  const image::Config& image = viewer.config(container.record.image);
  std::vector<std::string> env = image.env;
  engine::change_environment(env, options.env);
  std::vector<std::string> entrypoint = image.entrypoint;
  if (options.entrypoint) entrypoint.assign(options.entrypoint->empty() ? 0 : 1, *options.entrypoint);
  const bool of_image = options.command.empty() && !options.entrypoint;
  Json config = {{"Hostname", options.hostname.empty() ? container.record.id.substr(0, 12) : options.hostname},
                 {"Domainname", ""},
                 {"User", options.user.empty() ? image.user : options.user},
                 {"AttachStdin", options.interactive},
                 {"Tty", options.terminal},
                 {"OpenStdin", options.interactive},
                 {"Env", env},
                 {"Cmd", list_or_null(of_image ? image.cmd : options.command)},
                 {"Image", options.image},
                 {"Volumes", image.volumes.empty() ? Json() : names_of(image.volumes)},
                 {"WorkingDir", options.working_dir.empty() ? image.working_dir : options.working_dir},
                 {"Entrypoint", list_or_null(entrypoint)},
                 {"Labels", viewer.labels(container)}};
  if (!image.exposed_ports.empty()) config["ExposedPorts"] = names_of(image.exposed_ports);
  const std::string& signal = options.stop_signal.empty() ? image.stop_signal : options.stop_signal;
  if (!signal.empty()) config["StopSignal"] = signal;
  if (options.stop_timeout) config["StopTimeout"] = *options.stop_timeout;
  const image::Healthcheck& health = options.health ? *options.health : image.healthcheck;
  if (!health.test.empty()) {
    config["Healthcheck"] = {{"Test", health.test},
                             {"Interval", health.interval},
                             {"Timeout", health.timeout},
                             {"StartPeriod", health.start_period},
                             {"Retries", health.retries}};
  }
  return config;
}

void add_sizes(engine::Engine& engine, ContainerViewer& viewer, const ContainerView& container, Json& described) {
  const std::uint64_t own = kernel::tree_size(engine.container_dir(container.record.id) + "/upper");
  std::uint64_t all = own;
  for (const std::uint64_t size : image::layer_sizes(engine.database, viewer.config(container.record.image).diff_ids))
    all += size;
  described["SizeRw"] = own;
  described["SizeRootFs"] = all;
}

}  // namespace

Json describe_container(engine::Engine& engine, const std::string& name, bool sizes) {
  ContainerViewer viewer(engine);
  const ContainerView container = viewer.view(engine::find_container(engine.records, name));
  const engine::Record& record = container.record;
  const std::string directory = engine.container_dir(record.id);
  const std::vector<std::string>& command = record.command;
  Json described = {{"Id", record.id}, {"Created", moment(record.created)}};
  described["Path"] = command.empty() ? "" : command[0];
  described["Args"] = std::vector<std::string>(command.begin() + (command.empty() ? 0 : 1), command.end());
  described["State"] = state(container);
  described["Image"] = record.image;
  for (const auto& [field, file] :
       {std::pair{"ResolvConfPath", "resolv.conf"}, {"HostnamePath", "hostname"}, {"HostsPath", "hosts"}})
    described[field] = container.runs() ? record.run_root + "/" + record.id + "/" + file : "";
  described["LogPath"] = engine::log_path(directory, record.id);
  described["Name"] = "/" + record.name;
  described["RestartCount"] = record.life.restarts;
  described["Driver"] = "overlay2";
  described["Platform"] = "linux";
  described["MountLabel"] = "";
  described["ProcessLabel"] = "";
  described["AppArmorProfile"] = "";
  described["ExecIDs"] = Json();
  described["HostConfig"] = describe_host_config(container);
  described["GraphDriver"] = {{"Data", {{"UpperDir", directory + "/upper"}, {"WorkDir", directory + "/work"}}},
                              {"Name", "overlay2"}};
  if (sizes) add_sizes(engine, viewer, container, described);
  described["Mounts"] = describe_mounts(engine, container);
  described["Config"] = config(viewer, container);
  described["NetworkSettings"] = describe_network_settings(engine, viewer, container);
  return described;
}

}  // namespace coracle::cli
