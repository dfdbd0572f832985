// The timeline of a start, drawn from the flight recorder: what was done, by which part, when, for how long, on
// which side of the clone.
#pragma once

#include <string>
#include <vector>

#include "kernel/recorder.hpp"

namespace coracle::launch {

// A table for the terminal; times in microseconds since the first event.
std::string timeline_table(const std::vector<kernel::Event>& events);

// The Chrome trace event format, as Perfetto and chrome://tracing open it.
std::string timeline_json(const std::vector<kernel::Event>& events);

// A waterfall of what took at least half a percent of the time.
std::string timeline_svg(const std::vector<kernel::Event>& events);

// Does what --timeline[=FILE] asks for: the table to stderr when `file` is empty, else FILE.json or FILE.svg.
void show_timeline(const std::string& file);

// Throws Error when show_timeline would not know what to do with the name.
void check_timeline(const std::string& file);

}  // namespace coracle::launch
