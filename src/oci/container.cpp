#include "oci/container.hpp"

#include <algorithm>
#include <climits>
#include <ctime>

#include <dirent.h>
#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "launch/meeting.hpp"
#include "launch/run_directory.hpp"
#include "parts/cgroup.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;
using kernel::Fd;
using nlohmann::json;

constexpr const char* kRecord = "/container.json";
constexpr const char* kConfig = "/config.json";

bool is_id(const std::string& id) {
  const auto allowed = [](unsigned char c) {
    return c < 128 && (std::isalnum(c) != 0 || c == '_' || c == '+' || c == '-' || c == '.');
  };
  return !id.empty() && id != "." && id != ".." && id.size() <= NAME_MAX && std::all_of(id.begin(), id.end(), allowed);
}

std::string now_text() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  // strftime(3) would read the time zone from /etc first.
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec);
}

bool has_ended(const Fd& pidfd) {
  pollfd end{pidfd.get(), POLLIN, 0};
  return poll(&end, 1, 0) == 1;  // a zombie has ended too (pidfd_open(2))
}

bool is_paused(const Container& container) {
  try {
    return parts::is_frozen(container.directory());
  } catch (const Error& error) {
    if (error.code() == ENOENT) return false;  // it has no group
    throw;
  }
}

}  // namespace

void check_id(const std::string& id) {
  if (is_id(id)) return;
  std::string shown = json(id).dump(-1, ' ', true, json::error_handler_t::replace);
  throw Error("use " + shown + " as the id of a container", 0,
              "an id is made of the letters a-z A-Z, digits and + - . _, and has at most 255 of them");
}

Container find_container(const std::string& root, const std::string& id) {
  check_id(id);
  Container container{root, id};
  if (!kernel::exists(container.directory()))
    throw Error("find the container " + id, ENOENT, "container does not exist");
  return container;
}

std::vector<std::string> container_ids(const std::string& root) {
  std::vector<std::string> ids;
  DIR* directory = opendir(root.c_str());
  if (directory == nullptr) return ids;
  while (const dirent* entry = readdir(directory)) {
    if (is_id(entry->d_name) && entry->d_type == DT_DIR) ids.emplace_back(entry->d_name);
  }
  closedir(directory);
  std::sort(ids.begin(), ids.end());
  return ids;
}

Record make_record(const std::string& id, const Config& config) {
  return {config.version,    id, config.bundle, config.spec.rootfs.path, now_text(), std::to_string(getuid()),
          config.annotations};
}

void note_container(const std::string& directory, const Record& record, const std::string& config) {
  kernel::create_file(directory + kConfig, config, 0600);
  const json text = {{"ociVersion", record.version},     {"id", record.id},           {"bundle", record.bundle},
                     {"rootfs", record.rootfs},          {"created", record.created}, {"owner", record.owner},
                     {"annotations", record.annotations}};
  kernel::replace_file(directory + kRecord, text.dump(-1, ' ', false, json::error_handler_t::replace), 0600);
}

Record read_record(const Container& container) {
  const std::string path = container.directory() + kRecord;
  if (!kernel::exists(path)) return {.version = "1.0.2", .id = container.id};
  const json document = parse_json(kernel::read_file(path, kLargestConfig), path);
  const Field field(document, path);
  Record record{field["ociVersion"].text(),
                field["id"].text(),
                field["bundle"].text(),
                field["rootfs"].text(),
                field["created"].text(),
                field["owner"].text(),
                {}};
  field["annotations"].each_member(
      [&](const std::string& name, const Field& value) { record.annotations[name] = value.text(); });
  return record;
}

Config read_noted_config(const Container& container) {
  const std::string path = container.directory() + kConfig;
  return read_config(kernel::read_file(path, kLargestConfig), read_record(container).bundle);
}

FirstProcess first_process(const Container& container) {
  const std::string path = container.directory() + "/process";
  if (!kernel::exists(path)) return {};
  const std::string note = kernel::read_file(path);
  Fd pidfd = kernel::noted_process(note);
  if (!pidfd || has_ended(pidfd)) return {};
  return {static_cast<pid_t>(std::strtol(note.c_str(), nullptr, 10)), std::move(pidfd)};
}

std::string status_of(const Container& container, const FirstProcess& process) {
  const bool waits = launch::Gate::shut(container.directory());
  const auto being_made = [&] { return launch::RunDirectory::held(container.root, container.id); };
  if (!process.pidfd)
    return !kernel::exists(container.directory() + "/process") && being_made() ? "creating" : "stopped";
  if (waits && being_made()) return "creating";
  if (is_paused(container)) return "paused";
  return waits ? "created" : "running";
}

std::string state_json(const Record& record, pid_t pid, const std::string& status, bool pretty) {
  nlohmann::ordered_json state = {{"ociVersion", record.version}, {"id", record.id}};
  if (pid != 0 || status == "stopped") state["pid"] = pid;
  state["status"] = status;
  state["bundle"] = record.bundle;
  state["rootfs"] = record.rootfs;
  if (!record.created.empty()) state["created"] = record.created;
  if (!record.annotations.empty()) state["annotations"] = record.annotations;
  state["owner"] = record.owner == "0" ? "" : record.owner;
  return state.dump(pretty ? 2 : -1, ' ', false, json::error_handler_t::replace);
}

void refuse_status(const Container& container, const std::string& wanted, const std::string& status) {
  throw Error("use the container " + container.id, 0, "container not " + wanted + ": it is " + status);
}

}  // namespace coracle::oci
