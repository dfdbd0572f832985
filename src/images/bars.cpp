#include "images/bars.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/table.hpp"
#include "image/digest.hpp"
#include "kernel/tty.hpp"

namespace coracle::images {
namespace {

constexpr std::size_t kShortId = 12;
constexpr int kWidest = 50;  // of the bar itself
constexpr int kBeside = 52;  // columns for what stands beside it
constexpr std::chrono::milliseconds kEvery(100);

std::string short_id(const std::string& digest) { return image::hex_of(digest).substr(0, kShortId); }

std::string bar(int width, std::uint64_t bytes, std::uint64_t total) {
  const auto wide = static_cast<double>(width);
  const double part = total == 0 ? 0 : std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total));
  const auto done = static_cast<std::size_t>(part * wide);
  return "[" + std::string(done, '=') + ">" + std::string(static_cast<std::size_t>(width) - done, ' ') + "] ";
}

}  // namespace

void Bars::add(const std::string& digest, const std::string& state) {
  if (find(digest) == nullptr) lines_.push_back({digest, state, {}});
}

void Bars::begin() {
  if (quiet_) return;
  const kernel::WindowSize size = kernel::window_size(STDOUT_FILENO);
  moving_ = kernel::is_terminal(STDOUT_FILENO) && lines_.size() < size.rows;
  columns_ = size.columns;
  for (const Line& line : lines_) fmt::print("{}: {}\n", short_id(line.digest), line.text);
  std::fflush(stdout);
}

void Bars::state(const std::string& digest, const std::string& text) {
  const std::lock_guard lock(mutex_);
  Line* line = find(digest);
  if (line == nullptr || line->text == text) return;
  line->text = text;
  show(*line);
}

void Bars::progress(const std::string& digest, const char* what, std::uint64_t bytes, std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  Line* line = find(digest);
  if (line == nullptr || !moving_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - line->shown < kEvery) return;
  line->shown = now;
  const int width = std::min(kWidest, columns_ - kBeside);
  line->text = fmt::format("{} {}{:>8}/{}", what, width < 10 ? "" : bar(width, bytes, total), cli::human_size(bytes),
                           cli::human_size(total));
  show(*line);
}

Bars::Line* Bars::find(const std::string& digest) {
  const auto found =
      std::find_if(lines_.begin(), lines_.end(), [&](const Line& line) { return line.digest == digest; });
  return found == lines_.end() ? nullptr : &*found;
}

// Goes up to the line, writes it anew, and comes back: console_codes(4).
void Bars::show(const Line& line) const {
  if (quiet_) return;
  if (moving_) {
    const auto up = &lines_.back() - &line + 1;
    fmt::print("\x1b[{}A\r{}: {}\x1b[K\x1b[{}B\r", up, short_id(line.digest), line.text, up);
  } else {
    fmt::print("{}: {}\n", short_id(line.digest), line.text);
  }
  std::fflush(stdout);
}

}  // namespace coracle::images
