// The limits of the part cgroup as people write them, in docker's words.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "parts/cgroup.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;

constexpr double kPeriodUsec = 100'000;                  // the kernel's, and docker's, when nobody says another
constexpr double kFewestCpus = 0.01;                     // 1 ms of each period, the kernel's smallest quota
constexpr std::int64_t kLeastMemory = 6 * (1LL << 20U);  // docker's; with less not even the start of a program fits

Error bad(const std::string& option, const std::string& read, const std::string& allowed) {
  return {fmt::format("read {} \"{}\"", option, read), 0, allowed};
}

// The number that begins `text`; what follows it stays in `text`. False when there is none.
template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc();
}

// Whether `text` begins with `word`, which is taken off.
bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// "0-2,4" (cpuset(7), "List format"): the numbers in it; nullopt when it is no such list.
std::optional<std::vector<unsigned>> read_list(std::string_view text) {
  std::vector<unsigned> numbers;
  while (true) {
    unsigned first = 0;
    if (!take_number(text, first)) return std::nullopt;
    unsigned last = first;
    if (take(text, "-") && !take_number(text, last)) return std::nullopt;
    if (last < first || last > 8191) return std::nullopt;  // CONFIG_NR_CPUS is 8192 at most
    for (unsigned number = first; number <= last; ++number) numbers.push_back(number);
    if (text.empty()) return numbers;
    if (!take(text, ",")) return std::nullopt;
  }
}

// A number with docker's unit, of 1024: 64m, 64mb and 64MiB are one. nullopt when it is none, is negative or has no
// room in 63 bits.
std::optional<std::int64_t> read_size(std::string_view text) {
  double number = 0;
  if (text.starts_with("-") || !take_number(text, number)) return std::nullopt;
  std::string unit(text);
  for (char& letter : unit) letter = static_cast<char>(letter | 0x20);  // to lower case
  int power = 0;
  if (const std::size_t found = std::string_view("kmgt").find(unit[0]); !unit.empty() && found < 4) {
    power = static_cast<int>(found) + 1;
    unit.erase(0, 1);
  }
  if (!unit.empty() && unit != "b" && (unit != "ib" || power == 0)) return std::nullopt;
  const double bytes = std::ldexp(number, 10 * power);
  if (!(bytes < 0x1p63)) return std::nullopt;  // infinite and no number, too
  return static_cast<std::int64_t>(bytes);
}

// "/dev/sda", or "8:0" as the kernel has it: MAJOR:MINOR.
dev_t device_number(const std::string& device) {
  std::string_view rest = device;
  unsigned major_number = 0, minor_number = 0;
  if (take_number(rest, major_number) && take(rest, ":") && take_number(rest, minor_number) && rest.empty()) {
    return makedev(major_number, minor_number);
  }
  struct stat status {};
  const std::string hint = "a block device is wanted, as /dev/sda or by its numbers, 8:0 (lsblk lists them)";
  if (stat(device.c_str(), &status) != 0) throw Error("stat the device " + device, errno, hint);
  if (!S_ISBLK(status.st_mode)) throw Error("limit the I/O of " + device, ENOTBLK, hint);
  return status.st_rdev;
}

std::vector<CgroupLimits::BlockIo::Throttle>* place_of(CgroupLimits::BlockIo& io, std::string_view key) {
  if (key == "rbps") return &io.throttle_read_bps;
  if (key == "wbps") return &io.throttle_write_bps;
  if (key == "riops") return &io.throttle_read_iops;
  if (key == "wiops") return &io.throttle_write_iops;
  return nullptr;
}

}  // namespace

// A container is one thing: when it runs out of memory, the kernel ends all of it and not any one process.
CgroupLimits::Memory parse_memory(const std::string& text) {
  const std::optional<std::int64_t> bytes = read_size(text);
  if (!bytes) throw bad("the memory limit", text, "a number of bytes, or with the unit b, k, m, g or t, as in 64m");
  if (*bytes < kLeastMemory) throw bad("the memory limit", text, "the least is 6m");
  return {.limit = *bytes, .swap = *bytes, .oom_group = true};
}

std::int64_t parse_cpus(const std::string& text) {
  std::string_view rest = text;
  double cpus = 0;
  if (!take_number(rest, cpus) || !rest.empty()) throw bad("the cpus", text, "a number, as in 0.5");
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  if (!(cpus >= kFewestCpus && cpus <= static_cast<double>(online))) {
    throw bad("the cpus", text, fmt::format("from 0.01 to the {} of this host", online));
  }
  return std::llround(cpus * kPeriodUsec);
}

std::string parse_cpuset(const std::string& cpuset) {
  std::string online = kernel::read_file("/sys/devices/system/cpu/online");
  online.pop_back();  // the end of the line
  const std::vector<unsigned> here = read_list(online).value_or(std::vector<unsigned>{});
  const auto is_here = [&](unsigned cpu) { return std::find(here.begin(), here.end(), cpu) != here.end(); };
  const auto wanted = read_list(cpuset);
  if (!wanted || !std::all_of(wanted->begin(), wanted->end(), is_here)) {
    throw bad("the cpuset", cpuset, fmt::format("the processors of this host are {}; write them as 0-2,4", online));
  }
  return cpuset;
}

std::int64_t parse_pids(const std::string& text) {
  std::string_view rest = text;
  std::int64_t pids = 0;
  if (!take_number(rest, pids) || !rest.empty()) throw bad("the pids limit", text, "a number, as in 100");
  if (pids < 1) throw bad("the pids limit", text, "at least 1, the program itself");
  return pids;
}

void parse_io(const std::string& text, CgroupLimits::BlockIo& limits) {
  const std::string allowed = "DEVICE:KEY=NUMBER,... with the keys rbps, wbps, riops, wiops, as in /dev/sda:wbps=1m";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw bad("the I/O limit", text, allowed);
  const dev_t device = device_number(text.substr(0, colon));
  std::string_view rest = std::string_view(text).substr(colon + 1);
  do {
    const std::string_view limit = rest.substr(0, rest.find(','));
    rest.remove_prefix(limit.size());
    const std::size_t equals = limit.find('=');
    if (equals == std::string_view::npos) throw bad("the I/O limit", text, allowed);
    const auto most = read_size(limit.substr(equals + 1));
    auto* const place = place_of(limits, limit.substr(0, equals));
    if (place == nullptr || !most || *most < 1) throw bad("the I/O limit", text, allowed);
    place->push_back({major(device), minor(device), static_cast<std::uint64_t>(*most)});
  } while (take(rest, ","));
}

}  // namespace coracle::parts
