#include "parts/network/place.hpp"

#include <algorithm>
#include <sstream>

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/recorder.hpp"
#include "parts/network.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kAddressNote = "/address";
constexpr std::string_view kFigures = "r123456789abcdefghijklmnopqstuvwxyz";  // "cor": the first

// "BRIDGE keep|remove first|more NUMBER", a line each.
std::vector<NetworkPlace> read_places(const std::string& text) {
  std::vector<NetworkPlace> places;
  std::istringstream words(text);
  std::string keep, first;
  for (NetworkPlace place; words >> place.bridge >> keep >> first >> place.number;) {
    place.keep = keep == "keep";
    place.first = first == "first";
    places.push_back(place);
  }
  return places;
}

}  // namespace

std::string NetworkPlace::link(const std::string& id) const {
  return std::string("co") + kFigures.at(number) + id.substr(0, 12);
}

std::optional<NetworkPlaces> NetworkPlaces::open(const std::string& run_dir, bool make) {
  NetworkPlaces places;
  places.path_ = run_dir + "/network";
  const int flags = O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0);
  const auto open = [&] { return ::open(places.path_.c_str(), flags, 0644); };
  places.note_ = Fd(kernel::note_call(open, "open {}", places.path_));
  if (!places.note_ && errno == ENOENT && !make) return std::nullopt;
  if (!places.note_) throw Error("open " + places.path_, errno);
  kernel::lock(places.note_, LOCK_EX);
  struct stat status {};
  if (fstat(places.note_.get(), &status) == 0 && status.st_nlink == 0) return std::nullopt;  // all unmade meanwhile
  places.places_ = read_places(kernel::read_all(places.note_));
  return places;
}

NetworkPlace NetworkPlaces::add(NetworkPlace place) {
  const auto taken = [&] {
    return std::any_of(places_.begin(), places_.end(), [&](const auto& each) { return each.number == place.number; });
  };
  for (place.number = 0; taken(); ++place.number) {
  }
  if (place.number >= kFigures.size())
    throw Error("connect the container to " + place.bridge, ENOSPC,
                fmt::format("it is on {} networks already", kFigures.size()));
  places_.push_back(place);
  write();
  return place;
}

void NetworkPlaces::remove(const NetworkPlace& place) {
  std::erase_if(places_, [&](const auto& each) { return each.number == place.number; });
  write();
}

void NetworkPlaces::remove_note() {
  kernel::attempt([&] { return ::unlink(path_.c_str()); }, "unlink {}", path_);
}

void NetworkPlaces::write() const {
  std::string text;
  for (const NetworkPlace& place : places_) {
    text += fmt::format("{} {} {} {}\n", place.bridge, place.keep ? "keep" : "remove", place.first ? "first" : "more",
                        place.number);
  }
  // A longer text is whole before the file ends where it ends; a shorter one loses its tail second.
  kernel::attempt([&] { return ::pwrite(note_.get(), text.data(), text.size(), 0); }, "write {}", path_);
  kernel::attempt([&] { return ::ftruncate(note_.get(), static_cast<off_t>(text.size())); }, "ftruncate {}", path_);
}

void note_address(const std::string& run_dir, const std::string& address) {
  kernel::create_file(run_dir + kAddressNote, address);
}

std::string container_address(const std::string& run_dir) {
  const std::string note = run_dir + kAddressNote;
  return kernel::exists(note) ? kernel::read_file(note) : "";
}

}  // namespace coracle::parts
