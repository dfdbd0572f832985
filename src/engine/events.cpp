#include "engine/events.hpp"

#include <cstdio>
#include <ctime>

#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr off_t kLongest = 1 << 20;
constexpr std::int64_t kSecond = 1'000'000'000;

std::string log_of(const std::string& data_root) { return data_root + "/events.log"; }

// Whether the file has that name still: it loses it to a new one when it is long enough.
bool has_name(const Fd& file, const std::string& path) {
  struct stat named {};
  struct stat opened {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(file.get(), &opened) == 0 && named.st_ino == opened.st_ino;
}

// The log, held by a lock that `operation` says: shared by those that write to it, and alone for who renames it, so
// that nothing is written to it any more when it has another name.
Fd open_log(const std::string& path, int operation) {
  for (;;) {
    Fd file = kernel::open(path, O_RDWR | O_APPEND | O_CREAT, 0600);
    if (!kernel::lock(file, operation)) return {};
    if (has_name(file, path)) return file;
  }
}

void rotate(const std::string& path) {
  const Fd file = open_log(path, LOCK_EX | LOCK_NB);
  if (!file || kernel::fstatat(file, "")->st_size < kLongest) return;
  if (std::rename(path.c_str(), (path + ".1").c_str()) != 0) throw Error("rename " + path, errno);
}

std::optional<Event> parse_event(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  try {
    Event event;
    json.at("type").get_to(event.type);
    json.at("action").get_to(event.action);
    json.at("id").get_to(event.id);
    json.at("attributes").get_to(event.attributes);
    json.at("time").get_to(event.time);
    return event;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // cut off by a full disk
  }
}

}  // namespace

void tell(const std::string& data_root, const std::string& type, const std::string& action, const std::string& id,
          const Attributes& attributes) noexcept {
  try {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const nlohmann::json event = {{"type", type},
                                  {"action", action},
                                  {"id", id},
                                  {"attributes", attributes},
                                  {"time", now.tv_sec * kSecond + now.tv_nsec}};
    const std::string path = log_of(data_root);
    const Fd file = open_log(path, LOCK_SH);
    // One write(2), behind what others write at the same time.
    kernel::write_all(file, event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    if (kernel::fstatat(file, "")->st_size < kLongest) return;
    kernel::lock(file, LOCK_UN);
    rotate(path);
  } catch (const std::exception&) {
    // It is lost.
  }
}

EventReader::EventReader(const std::string& data_root, From from)
    : path_(log_of(data_root)), changes_(kernel::attempt([] { return inotify_init1(IN_CLOEXEC); }, "inotify_init1")) {
  if (from == From::beginning && kernel::exists(path_ + ".1")) {
    file_ = kernel::open(path_ + ".1", O_RDONLY);
  } else {
    open_current();
    if (from == From::now) ::lseek(file_.get(), 0, SEEK_END);
  }
}

void EventReader::open_current() {
  // It is watched before it is read, and is the same file as the one that is opened after that, or is looked at again.
  do {
    file_ = open_log(path_, LOCK_SH);
    kernel::attempt([&] { return inotify_add_watch(changes_.get(), path_.c_str(), IN_MODIFY | IN_MOVE_SELF); },
                    "inotify_add_watch {}", path_);
  } while (!has_name(file_, path_));
  kernel::lock(file_, LOCK_UN);
  is_last_ = true;
}

bool EventReader::read_more() {
  char bytes[16384];
  const ssize_t count = ::read(file_.get(), bytes, sizeof bytes);
  if (count < 0) throw Error("read " + path_, errno);
  bytes_.append(bytes, static_cast<std::size_t>(count));
  return count > 0;
}

std::optional<Event> EventReader::next() {
  for (;;) {
    if (const std::size_t end = bytes_.find('\n'); end != std::string::npos) {
      const std::string line = bytes_.substr(0, end);
      bytes_.erase(0, end + 1);
      if (auto event = parse_event(line)) return event;
    } else {
      // Whether the file is the last one is asked before it is read to its end: who renames it writes before that.
      const bool last = is_last_ && has_name(file_, path_);
      if (read_more()) continue;
      if (last) return std::nullopt;
      open_current();
    }
  }
}

void EventReader::wait(int milliseconds) {
  pollfd changes{changes_.get(), POLLIN, 0};
  if (::poll(&changes, 1, milliseconds) <= 0) return;
  char bytes[4096];
  if (::read(changes_.get(), bytes, sizeof bytes) < 0) throw Error("read inotify events", errno);
}

}  // namespace coracle::engine
