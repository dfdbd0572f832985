#include "image/config.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "image/digest.hpp"
#include "image/document.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using Json = nlohmann::json;
using kernel::Error;

// The fields may be missing, and docker writes null for an empty one.
template <typename Value>
void read(const Json& object, const char* name, Value& value) {
  const auto field = object.find(name);
  if (field != object.end() && !field->is_null()) field->get_to(value);
}

// A set in Go's JSON: an object whose values are empty objects.
void read_set(const Json& object, const char* name, std::vector<std::string>& names) {
  const auto field = object.find(name);
  if (field == object.end() || field->is_null()) return;
  for (const auto& [key, nothing] : field->items()) names.push_back(key);
}

template <typename Value>
void write(Json& object, const char* name, const Value& value) {
  if (!value.empty()) object[name] = value;
}

void write_set(Json& object, const char* name, const std::vector<std::string>& names) {
  for (const std::string& key : names) object[name][key] = Json::object();
}

void read_healthcheck(const Json& check, Healthcheck& healthcheck) {
  read(check, "Test", healthcheck.test);
  read(check, "Interval", healthcheck.interval);
  read(check, "Timeout", healthcheck.timeout);
  read(check, "StartPeriod", healthcheck.start_period);
  read(check, "StartInterval", healthcheck.start_interval);
  read(check, "Retries", healthcheck.retries);
}

Json healthcheck_json(const Healthcheck& healthcheck) {
  Json check = {{"Test", healthcheck.test}};
  const auto write_number = [&](const char* name, std::int64_t number) {
    if (number != 0) check[name] = number;
  };
  write_number("Interval", healthcheck.interval);
  write_number("Timeout", healthcheck.timeout);
  write_number("StartPeriod", healthcheck.start_period);
  write_number("StartInterval", healthcheck.start_interval);
  write_number("Retries", healthcheck.retries);
  return check;
}

void read_run_config(const Json& run, Config& config) {
  read(run, "Env", config.env);
  read(run, "Cmd", config.cmd);
  read(run, "Entrypoint", config.entrypoint);
  read(run, "WorkingDir", config.working_dir);
  read(run, "User", config.user);
  read_set(run, "ExposedPorts", config.exposed_ports);
  read_set(run, "Volumes", config.volumes);
  read(run, "Labels", config.labels);
  read(run, "StopSignal", config.stop_signal);
  if (const auto check = run.find("Healthcheck"); check != run.end() && !check->is_null())
    read_healthcheck(*check, config.healthcheck);
  read(run, "OnBuild", config.on_build);
  read(run, "Shell", config.shell);
}

Json run_config(const Config& config) {
  Json run = Json::object();
  write(run, "Env", config.env);
  write(run, "Cmd", config.cmd);
  write(run, "Entrypoint", config.entrypoint);
  write(run, "WorkingDir", config.working_dir);
  write(run, "User", config.user);
  write_set(run, "ExposedPorts", config.exposed_ports);
  write_set(run, "Volumes", config.volumes);
  write(run, "Labels", config.labels);
  write(run, "StopSignal", config.stop_signal);
  if (!config.healthcheck.test.empty()) run["Healthcheck"] = healthcheck_json(config.healthcheck);
  write(run, "OnBuild", config.on_build);
  write(run, "Shell", config.shell);
  return run;
}

History parse_history(const Json& entry) {
  History history;
  read(entry, "created", history.created);
  read(entry, "author", history.author);
  read(entry, "created_by", history.created_by);
  read(entry, "comment", history.comment);
  read(entry, "empty_layer", history.empty_layer);
  return history;
}

Json history_json(const History& history) {
  Json entry = Json::object();
  write(entry, "created", history.created);
  write(entry, "author", history.author);
  write(entry, "created_by", history.created_by);
  write(entry, "comment", history.comment);
  if (history.empty_layer) entry["empty_layer"] = true;
  return entry;
}

Config from_json(const Json& json) {
  Config config;
  read(json, "architecture", config.architecture);
  read(json, "os", config.os);
  read(json, "created", config.created);
  read(json, "author", config.author);
  if (const auto run = json.find("config"); run != json.end() && !run->is_null()) read_run_config(*run, config);
  read(json.at("rootfs"), "diff_ids", config.diff_ids);
  if (const auto history = json.find("history"); history != json.end() && !history->is_null()) {
    for (const Json& entry : *history) config.history.push_back(parse_history(entry));
  }
  return config;
}

}  // namespace

Config parse_config(std::string_view text) {
  try {
    Config config = from_json(parse_document("an image configuration", text));
    for (const std::string& diff_id : config.diff_ids) hex_of(diff_id);  // they become names of directories
    return config;
  } catch (const Json::exception& error) {
    throw Error("read an image configuration", 0, error.what());
  }
}

std::string to_json(const Config& config) {
  Json json = Json::object();
  json["architecture"] = config.architecture;
  json["os"] = config.os;
  json["created"] = config.created;
  write(json, "author", config.author);
  json["config"] = run_config(config);
  json["rootfs"] = {{"type", "layers"}, {"diff_ids", config.diff_ids}};
  for (const History& history : config.history) json["history"].push_back(history_json(history));
  try {
    return json.dump();
  } catch (const Json::exception& error) {
    throw Error("write an image configuration", 0, std::string("a value is not UTF-8: ") + error.what());
  }
}

std::string host_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__riscv)
  return "riscv64";
#else
  return "unknown";
#endif
}

void set_variable(std::vector<std::string>& env, const std::string& entry) {
  const std::string name = entry.substr(0, entry.find('=') + 1);
  const auto same = [&](const std::string& other) { return other.compare(0, name.size(), name) == 0; };
  const auto place = std::find_if(env.begin(), env.end(), same);
  if (place != env.end()) {
    *place = entry;
  } else {
    env.push_back(entry);
  }
}

}  // namespace coracle::image
