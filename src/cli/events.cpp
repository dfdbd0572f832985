// coracle events: what happens to containers, images, volumes and networks, a line each, as docker events prints it.
#include "engine/events.hpp"

#include <climits>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/filters.hpp"
#include "cli/format.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

using engine::Event;
using kernel::Error;

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

std::string attribute(const Event& event, const std::string& name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? "" : found->second;
}

// An object by its id, the beginning of it, or its name.
bool is(const Event& event, const char* type, const std::string& text) {
  if (event.type != type) return attribute(event, type) == text;  // a network event tells of a container
  return attribute(event, "name") == text || (!text.empty() && event.id.starts_with(text)) ||
         event.id.starts_with("sha256:" + text);
}

bool fits(const Event& event, const Filters& filters) {
  const auto any_of = [&](const char* type) {
    return filters.any(type, [&](const std::string& text) { return is(event, type, text); });
  };
  const auto is_action = [&](const std::string& action) {
    return event.action == action || event.action.starts_with(action + ":");  // "exec_start: sh"
  };
  const auto is_image = [&](const std::string& name) {
    const std::string image = attribute(event, event.type == "image" ? "name" : "image");
    return image == name || image == name + ":latest" || image.substr(0, image.rfind(':')) == name ||
           (event.type == "image" && is(event, "image", name));
  };
  return any_of("container") && any_of("volume") && any_of("network") && filters.any("image", is_image) &&
         filters.any("event", is_action) &&
         filters.any("type", [&](const std::string& type) { return event.type == type; }) &&
         filters.any("scope", [](const std::string& scope) { return scope == "local"; }) &&
         filters.labels(event.attributes);
}

// Docker's fields; the first three are there for programs that were written for it long ago.
Json described(const Event& event) {
  Json json = Json::object();
  if (event.type == "container" || event.type == "image") {
    json = {{"status", event.action}, {"id", event.id}};
    if (event.type == "container") json["from"] = attribute(event, "image");
  }
  json["Type"] = event.type;
  json["Action"] = event.action;
  json["Actor"] = {{"ID", event.id}, {"Attributes", event.attributes}};
  json["scope"] = "local";
  json["time"] = event.time / kSecond;
  json["timeNano"] = event.time;
  return json;
}

// The same under the names that a template has for them.
Json for_template(const Event& event) {
  Json json = described(event);
  json["Status"] = event.action;
  json["ID"] = event.id;
  json["From"] = attribute(event, "image");
  json["Scope"] = "local";
  json["Time"] = event.time / kSecond;
  json["TimeNano"] = event.time;
  return json;
}

// "2026-01-02T15:04:05.000000000+01:00 container start ID (image=busybox, name=web)".
std::string line_of(const Event& event) {
  const std::time_t seconds = event.time / kSecond;
  std::tm local{};
  localtime_r(&seconds, &local);
  char date[32];
  char zone[8];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &local);
  std::strftime(zone, sizeof zone, "%z", &local);
  const std::string offset = local.tm_gmtoff == 0 ? "Z" : std::string(zone).insert(3, ":");
  std::string attributes;
  for (const auto& [name, value] : event.attributes)
    attributes += (attributes.empty() ? "" : ", ") + name + "=" + kernel::printable(value);
  return fmt::format("{}.{:09}{} {} {} {}{}", date, event.time % kSecond, offset, event.type, event.action, event.id,
                     attributes.empty() ? "" : " (" + attributes + ")");
}

struct Wanted {
  std::int64_t since = 0, until = INT64_MAX;
  Filters filters{{"container", "event", "image", "label", "network", "scope", "type", "volume"}};
};

void follow(engine::EventReader& reader, const Wanted& wanted, const std::function<std::string(const Event&)>& text) {
  for (;;) {
    while (const auto event = reader.next()) {
      if (event->time < wanted.since || event->time > wanted.until || !fits(*event, wanted.filters)) continue;
      std::puts(text(*event).c_str());
    }
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) return;
    const std::int64_t left = wanted.until == INT64_MAX ? INT64_MAX : wanted.until - now();
    if (left <= 0) return;
    constexpr std::int64_t kMillisecond = 1'000'000;
    reader.wait(left == INT64_MAX ? -1 : static_cast<int>(std::min<std::int64_t>(left / kMillisecond + 1, INT_MAX)));
  }
}

}  // namespace

int events(const Door& door, std::vector<std::string> words) {
  Options options("events", "[OPTIONS]",
                  "Tell what happens to containers, images, volumes and networks, as it happens");
  Wanted wanted;
  std::string since, until, format;
  options.value(0, "since", "TIME", "Begin with what happened since then: 2026-01-02T15:04:05, 1767366245, 10m", since);
  options.value(0, "until", "TIME", "End there", until);
  options.value(0, "format", "FORMAT", "json, or a Go template for each line", format);
  wanted.filters.declare(options);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle events --help").with_status(1);
  if (!since.empty()) wanted.since = parse_moment(since);
  if (!until.empty()) wanted.until = parse_moment(until);

  std::function<std::string(const Event&)> text = line_of;
  if (format == "json") {
    text = [](const Event& event) { return json_line(described(event)); };
  } else if (!format.empty()) {
    text = [line = Template(format)](const Event& event) { return line.fill(for_template(event)); };
  }
  image::make_root(door.roots.data);
  engine::EventReader reader(door.roots.data,
                             since.empty() ? engine::EventReader::From::now : engine::EventReader::From::beginning);
  follow(reader, wanted, text);
  return 0;
}

}  // namespace coracle::cli
