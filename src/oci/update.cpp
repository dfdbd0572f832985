// coracle-oci update: other limits for a container that runs.
#include <charconv>

#include <unistd.h>

#include "kernel/recorder.hpp"
#include "oci/oci.hpp"
#include "parts/cgroup.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;
using parts::CgroupLimits;

template <typename Number>
Number parse(const std::string& text) {
  Number number{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || *rest != '\0') throw Error("read the limit \"" + text + "\"", 0, "a number is allowed");
  return number;
}

// Bytes, with b, k, m or g behind them if need be; -1 is no limit.
std::int64_t parse_bytes(const std::string& text) {
  const std::size_t unit = text.empty() ? std::string::npos : std::string("bkmgBKMG").find(text.back());
  if (unit == std::string::npos) return parse<std::int64_t>(text);
  const auto number = parse<std::int64_t>(text.substr(0, text.size() - 1));
  const std::int64_t factor = std::int64_t{1} << (unit % 4 * 10);
  if (number < 0 || number > INT64_MAX / factor)
    throw Error("read the limit \"" + text + "\"", 0, "it is out of range");
  return number * factor;
}

void add_memory_options(Options& options, CgroupLimits::Memory& memory) {
  const auto bytes = [&](const char* name, const char* what, std::optional<std::int64_t>& target) {
    options.value(0, name, "BYTES", what, [&target](const std::string& text) { target = parse_bytes(text); });
  };
  bytes("memory", "Memory", memory.limit);
  bytes("memory-reservation", "Memory that is left to it when all is short", memory.reservation);
  bytes("memory-swap", "Memory and swap together; -1 is no limit", memory.swap);
  bytes("kernel-memory", "Nothing: kernels have no such limit any more", memory.kernel);
  bytes("kernel-memory-tcp", "Memory of TCP buffers", memory.kernel_tcp);
}

void add_cpu_options(Options& options, CgroupLimits::Cpu& cpu) {
  const auto number = [&](const char* name, const char* what, auto& target) {
    using Number = typename std::remove_reference_t<decltype(target)>::value_type;
    options.value(0, name, "NUMBER", what, [&target](const std::string& text) { target = parse<Number>(text); });
  };
  number("cpu-period", "The length of a period of the quota, in microseconds", cpu.period);
  number("cpu-quota", "Microseconds of processor time in each period", cpu.quota);
  number("cpu-burst", "Microseconds of it that may be saved up", cpu.burst);
  number("cpu-share", "Weight against others", cpu.shares);
  number("cpu-rt-period", "The same for real-time threads", cpu.realtime_period);
  number("cpu-rt-runtime", "The same for real-time threads", cpu.realtime_runtime);
  number("cpu-idle", "1: only when nobody else wants the processor", cpu.idle);
  options.value(0, "cpuset-cpus", "LIST", "The processors it may run on: 0-2,4", cpu.cpus);
  options.value(0, "cpuset-mems", "LIST", "The memory nodes it may use", cpu.mems);
}

void read_file(const std::string& path, CgroupLimits& limits) {
  const kernel::Fd file = path == "-" ? kernel::Fd(dup(STDIN_FILENO)) : kernel::open(path, O_RDONLY);
  const std::string name = path == "-" ? "the resources on standard input" : path;
  const nlohmann::json document = parse_json(kernel::read_all(file), name);
  read_resources(Field(document, name), limits);
}

}  // namespace

int update(const Door& door, Words words) {
  Options options("update", "[OPTIONS] ID", "Change the limits of a container. What is not named stays as it is.");
  CgroupLimits limits;
  std::string file;
  options.value('r', "resources", "FILE", "\"resources\" as in config.json; - is standard input", file);
  options.value(0, "pids-limit", "NUMBER", "Processes and threads; -1 is no limit",
                [&](const std::string& text) { limits.pids = parse<std::int64_t>(text); });
  options.value(0, "blkio-weight", "NUMBER", "Weight of its I/O: 10 to 1000",
                [&](const std::string& text) { limits.block_io.weight = parse<std::uint16_t>(text); });
  add_memory_options(options, limits.memory);
  add_cpu_options(options, limits.cpu);
  if (!options.read(words)) return 0;
  const Container container = find_container(door.root, only_id(words));
  if (!file.empty()) read_file(file, limits);
  const std::string status = status_of(container, first_process(container));
  if (status == "stopped") refuse_status(container, "running", status);
  parts::update_cgroup(container.directory(), limits);
  return 0;
}

}  // namespace coracle::oci
