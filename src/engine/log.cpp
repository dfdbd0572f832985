#include "engine/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "engine/engine.hpp"
#include "image/time.hpp"

namespace coracle::engine {
namespace {

constexpr std::size_t kLongestLine = 16384;

// JSON's own strings, by the library where there is anything to escape; most lines have nothing.
void append_quoted(std::string& to, std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(),
                                 [](unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (plain) {
    to.append(text);
    return;
  }
  const std::string quoted =
      nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  to.append(quoted, 1, quoted.size() - 2);
}

}  // namespace

std::string log_path(const std::string& directory, const std::string& id) { return directory + "/" + id + "-json.log"; }

LogWriter::LogWriter(std::string path, LogOptions options) : path_(std::move(path)), options_(options) { open(); }

void LogWriter::open() {
  file_ = kernel::Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640));
  struct stat status {};
  size_ = file_ && fstat(file_.get(), &status) == 0 ? status.st_size : 0;
}

void LogWriter::take(Stream stream, std::string_view bytes) {
  std::string& partial = partial_[static_cast<int>(stream)];
  while (!bytes.empty()) {
    const std::size_t room = kLongestLine - partial.size();
    const std::size_t newline = bytes.substr(0, room).find('\n');
    if (newline == std::string_view::npos && bytes.size() < room) {
      partial.append(bytes);
      return;
    }
    const std::size_t count = newline == std::string_view::npos ? room : newline + 1;
    if (partial.empty()) {
      add_line(stream, bytes.substr(0, count));
    } else {
      partial.append(bytes.substr(0, count));
      add_line(stream, partial);
      partial.clear();
    }
    bytes.remove_prefix(count);
  }
}

void LogWriter::add_line(Stream stream, std::string_view line) {
  lines_ += R"({"log":")";
  append_quoted(lines_, line.ends_with('\n') ? line.substr(0, line.size() - 1) : line);
  lines_ += line.ends_with('\n') ? R"(\n","stream":")" : R"(","stream":")";
  lines_ += stream == Stream::out ? R"(stdout","time":")" : R"(stderr","time":")";
  lines_ += image::rfc3339_nano(now());
  lines_ += "\"}\n";
}

void LogWriter::write_out() {
  if (lines_.empty()) return;
  if (lost_ > 0) {
    std::string later = std::exchange(lines_, {});
    add_line(Stream::err, fmt::format("coracle: {} lines are missing here: the log could not be written\n", lost_));
    if (write(lines_).empty()) lost_ = 0;
    lines_ = std::move(later);
  }
  const std::string_view unwritten = lost_ > 0 ? std::string_view(lines_) : write(lines_);
  lost_ += std::count(unwritten.begin(), unwritten.end(), '\n');
  lines_.clear();
}

// Gives those of the lines that could not be written.
std::string_view LogWriter::write(std::string_view lines) {
  while (!lines.empty()) {
    std::size_t count = lines.size();
    if (options_.max_size > 0 && size_ + static_cast<std::int64_t>(count) > options_.max_size) {
      const auto room = static_cast<std::size_t>(std::max<std::int64_t>(options_.max_size - size_, 0));
      const std::size_t last = room == 0 ? std::string_view::npos : lines.rfind('\n', room - 1);
      count = last != std::string_view::npos ? last + 1 : lines.find('\n') + 1;
      if (last == std::string_view::npos && size_ > 0) turn_over();
    }
    if (!append(lines.substr(0, count))) break;
    lines.remove_prefix(count);
  }
  return lines;
}

// All of it or nothing: half a line would spoil the next one.
bool LogWriter::append(std::string_view text) {
  if (!file_) open();
  if (!file_) return false;
  const std::int64_t before = size_;
  while (!text.empty()) {
    const ssize_t count = ::write(file_.get(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      if (ftruncate(file_.get(), before) == 0) size_ = before;
      return false;
    }
    size_ += count;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void LogWriter::turn_over() {
  if (options_.max_file < 2) {
    if (file_ && ftruncate(file_.get(), 0) == 0) size_ = 0;
    return;
  }
  file_.close();
  for (int i = options_.max_file - 1; i > 0; --i) {
    const std::string from = i == 1 ? path_ : fmt::format("{}.{}", path_, i - 1);
    std::rename(from.c_str(), fmt::format("{}.{}", path_, i).c_str());
  }
  open();
}

void LogWriter::finish() {
  for (const Stream stream : {Stream::out, Stream::err}) {
    std::string& partial = partial_[static_cast<int>(stream)];
    if (!partial.empty()) add_line(stream, partial);
    partial.clear();
  }
  write_out();
}

}  // namespace coracle::engine
