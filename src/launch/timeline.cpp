#include "launch/timeline.hpp"

#include <algorithm>
#include <cstdio>

#include "kernel/fd.hpp"
#include "launch/launch.hpp"

namespace coracle::launch {
namespace {

using kernel::Error;
using kernel::Event;

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// By start; a step before the calls it contains.
std::vector<Event> in_order(std::vector<Event> events) {
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return a.start != b.start ? a.start < b.start : a.step > b.step;
  });
  return events;
}

double microseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000.0; }

const char* side(const Event& event) { return event.child != 0 ? "child" : "parent"; }
const char* actor(const Event& event) { return event.part[0] != '\0' ? event.part : "launch"; }

std::string result(const Event& event) {
  const char* name = event.error != 0 ? strerrorname_np(event.error) : nullptr;
  return name != nullptr ? std::string(" = ") + name : "";
}

// Escapes for JSON and for XML alike what could end a string or a tag.
std::string escaped(std::string_view text, bool xml) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += xml ? "?" : fmt::format("\\u{:04x}", byte);
    } else if (xml && (c == '<' || c == '>' || c == '&')) {
      out += fmt::format("&#{};", byte);
    } else {
      if (!xml && (c == '"' || c == '\\')) out += '\\';
      out += c;
    }
  }
  return out;
}

const char* colour(const Event& event) {
  // One colour for each part, by its name: the same in every picture.
  static constexpr const char* kColours[] = {"#4e79a7", "#f28e2b", "#59a14f", "#e15759",
                                             "#76b7b2", "#edc948", "#b07aa1", "#9c755f"};
  std::size_t hash = 0;
  for (const char* c = event.part; *c != '\0'; ++c) hash = hash * 31 + static_cast<unsigned char>(*c);
  return event.part[0] == '\0' ? "#888888" : kColours[hash % std::size(kColours)];
}

}  // namespace

std::string timeline_table(const std::vector<Event>& recorded) {
  const std::vector<Event> events = in_order(recorded);
  std::string out = fmt::format("{:>9} {:>9}  {:<6}  {:<10}  {}\n", "at us", "took us", "side", "part", "what");
  for (const Event& event : events) {
    out += fmt::format("{:>9.0f} {:>9.1f}  {:<6}  {:<10}  {}{}{}\n", microseconds(event.start - events.front().start),
                       microseconds(event.end - event.start), side(event), actor(event), event.step != 0 ? "" : "  ",
                       event.text, result(event));
  }
  return out;
}

std::string timeline_json(const std::vector<Event>& recorded) {
  const std::vector<Event> events = in_order(recorded);
  std::string out = "{\"traceEvents\":[\n";
  const char* separator = "";
  for (const Event& event : events) {
    out += fmt::format(R"({}{{"ph":"X","name":"{}{}","cat":"{}","pid":1,"tid":"{}","ts":{:.3f},"dur":{:.3f}}})",
                       separator, escaped(event.text, false), result(event), actor(event), side(event),
                       microseconds(event.start - events.front().start), microseconds(event.end - event.start));
    separator = ",\n";
  }
  return out + "\n]}\n";
}

std::string timeline_svg(const std::vector<Event>& recorded) {
  constexpr double kLabels = 420, kWidth = 760, kRow = 15;
  std::vector<Event> events = in_order(recorded);
  const std::int64_t first = events.empty() ? 0 : events.front().start;
  std::int64_t last = first + 1;
  for (const Event& event : events) last = std::max(last, event.end);
  const double scale = kWidth / microseconds(last - first);
  // What is shorter than half a percent of it all has no place in a picture; the table and the trace have it.
  std::erase_if(events, [&](const Event& event) {
    return (event.end - event.start) * 200 < last - first && std::string_view(event.text).rfind("execve", 0) != 0;
  });
  std::string out = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}" font-family="monospace" font-size="11">)"
      "\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      kLabels + kWidth + 90, kRow * static_cast<double>(events.size() + 2));
  double y = kRow;
  for (const Event& event : events) {
    const double x = kLabels + microseconds(event.start - first) * scale;
    const double took = microseconds(event.end - event.start);
    const std::string label =
        fmt::format("{:<6} {:<10} {}{}", side(event), actor(event), event.step != 0 ? "" : "  ", event.text)
            .substr(0, 62);
    out += fmt::format(
        R"(<text x="4" y="{:.0f}" xml:space="preserve"{}>{}</text><rect x="{:.1f}" y="{:.0f}" width="{:.1f}" height="11" fill="{}" opacity="{}"/>)"
        R"(<text x="{:.1f}" y="{:.0f}" fill="#555">{:.0f} us</text>)"
        "\n",
        y + 10, event.step != 0 ? R"( font-weight="bold")" : "", escaped(label, true), x, y + 1,
        std::max(took * scale, 1.0), colour(event), event.step != 0 ? "0.45" : "1", x + std::max(took * scale, 1.0) + 3,
        y + 10, took);
    y += kRow;
  }
  return out + "</svg>\n";
}

void check_timeline(const std::string& file) {
  if (file.empty() || ends_with(file, ".json") || ends_with(file, ".svg")) return;
  throw Error("write the timeline to " + file, 0, "the name must end in .json (for Perfetto) or .svg (a picture)");
}

void show_timeline(const std::string& file) {
  const std::vector<Event> events = kernel::recorded_events();
  if (file.empty()) {
    std::fputs(timeline_table(events).c_str(), stderr);
  } else {
    kernel::create_file(file, ends_with(file, ".svg") ? timeline_svg(events) : timeline_json(events));
  }
}

}  // namespace coracle::launch
