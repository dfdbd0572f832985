#include "engine/log_reader.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "kernel/error.hpp"

namespace coracle::engine {
namespace {

using kernel::Fd;

Fd open_log(const std::string& path) { return Fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)); }

ino_t inode_of(const Fd& file) {
  struct stat status {};
  return fstat(file.get(), &status) == 0 ? status.st_ino : 0;
}

// Where the last `lines` lines of the file begin; `lines` becomes how many there were not.
off_t begin_of_last(const Fd& file, std::size_t& lines) {
  char bytes[65536];
  off_t at = lseek(file.get(), 0, SEEK_END);
  const off_t size = at;
  while (at > 0) {
    const off_t count = std::min<off_t>(at, sizeof bytes);
    at -= count;
    if (pread(file.get(), bytes, static_cast<std::size_t>(count), at) != count) break;
    for (off_t i = count; i-- > 0;) {
      if (bytes[i] != '\n' || at + i + 1 == size) continue;
      if (--lines == 0) return at + i + 1;
    }
  }
  if (size > 0) --lines;  // the first line has no end of line before it
  return 0;
}

}  // namespace

std::optional<LogLine> parse_log_line(std::string_view json) {
  const auto object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object() || !object.contains("log") || !object["log"].is_string()) return std::nullopt;
  LogLine line;
  line.text = object["log"].get<std::string>();
  const auto text = [&](const char* field) {
    const auto found = object.find(field);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  line.stream = text("stream") == "stderr" ? Stream::err : Stream::out;
  line.time = text("time");
  return line;
}

LogReader::LogReader(std::string path, std::optional<std::size_t> tail) : path_(std::move(path)) {
  open_files();
  if (tail) skip_to_tail(*tail);
}

void LogReader::open_files() {
  for (int i = 0;; ++i) {
    Fd file = open_log(i == 0 ? path_ : fmt::format("{}.{}", path_, i));
    if (!file) return;
    files_.push_front(std::move(file));
  }
}

void LogReader::skip_to_tail(std::size_t tail) {
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    if (tail == 0) {
      lseek(file->get(), 0, SEEK_END);
    } else {
      lseek(file->get(), begin_of_last(*file, tail), SEEK_SET);
    }
  }
}

void LogReader::read(const std::function<bool(const LogLine&)>& take) {
  while (true) {
    while (files_.size() > 1) {
      if (!read_file(files_.front(), take)) return;
      files_.pop_front();
      partial_.clear();
    }
    // It may be turned over while we read it: what is in our file now is all of it when another has its name.
    Fd named = open_log(path_);
    const bool turned = named && (files_.empty() || inode_of(named) != inode_of(files_.back()));
    if (!turned) {
      if (files_.empty()) return;
      // One file alone is emptied, not renamed.
      struct stat status {};
      if (fstat(files_.back().get(), &status) == 0 && status.st_size < lseek(files_.back().get(), 0, SEEK_CUR)) {
        lseek(files_.back().get(), 0, SEEK_SET);
        partial_.clear();
      }
      read_file(files_.back(), take);
      return;
    }
    files_.push_back(std::move(named));
  }
}

bool LogReader::read_file(const Fd& file, const std::function<bool(const LogLine&)>& take) {
  char bytes[65536];
  ssize_t count = 0;
  while ((count = ::read(file.get(), bytes, sizeof bytes)) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw kernel::Error("read " + path_, errno);
    partial_.append(bytes, static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = partial_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const auto line = parse_log_line(std::string_view(partial_).substr(begin, end - begin));
      if (line && !take(*line)) return false;
    }
    partial_.erase(0, begin);
  }
  return true;
}

}  // namespace coracle::engine
