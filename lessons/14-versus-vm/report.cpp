#include "report.hpp"

#include <algorithm>

#include <sys/utsname.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "statistics.hpp"

namespace coracle::bench {
namespace {

// The value of a line "key : value" in /proc/cpuinfo.
std::string processor() {
  const std::string text = kernel::read_file("/proc/cpuinfo", 64U << 20U);
  const std::size_t key = text.find("model name");
  if (key == std::string::npos) return "processor";
  const std::size_t value = text.find(':', key) + 2;
  return text.substr(value, text.find('\n', value) - value);
}

double median_of(const std::vector<Result>& results, const std::string& name) {
  for (const Result& result : results) {
    if (result.contestant.name == name && !result.milliseconds.empty()) return statistics(result.milliseconds).median;
  }
  return 0;
}

std::string line(const Result& result, const std::vector<Result>& all, bool memory) {
  const std::string& name = result.contestant.name;
  if (!result.failure.empty()) return fmt::format("| {} | {} |\n", name, result.failure);
  const Statistics s = statistics(result.milliseconds);
  const double versus = median_of(all, result.contestant.versus);
  std::string text = fmt::format("| {} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {} |", name, s.min, s.median, s.p90, s.max,
                                 result.milliseconds.size());
  if (memory) text += fmt::format(" {:.1f} |", static_cast<double>(result.peak_kib) / 1024);
  return text + (versus > 0 ? fmt::format(" {:.2f} |\n", s.median / versus) : " |\n");
}

std::string race_table(const std::vector<Result>& results, bool memory, const std::string& versus) {
  std::string text =
      fmt::format("| milliseconds | min | median | p90 | max | runs |{} {} |\n", memory ? " peak MiB |" : "", versus);
  text +=
      memory ? "| --- | --: | --: | --: | --: | --: | --: | --: |\n" : "| --- | --: | --: | --: | --: | --: | --: |\n";
  for (const Result& result : results) text += line(result, results, memory);
  return text;
}

std::string rate_table(const Report& report) {
  std::string text = fmt::format("| {} at once | containers per second: min | median | max | runs |\n", report.at_once);
  text += "| --- | --: | --: | --: | --: |\n";
  for (const Rate& rate : report.rates) {
    const Statistics s = statistics(rate.per_second);
    text += fmt::format("| {} | {:.0f} | {:.0f} | {:.0f} | {} |\n", rate.name, s.min, s.median, s.max,
                        rate.per_second.size());
  }
  return text;
}

nlohmann::json samples(const std::vector<Result>& results) {
  nlohmann::json list = nlohmann::json::array();
  for (const Result& result : results) {
    list.push_back({{"name", result.contestant.name},
                    {"command", result.contestant.command},
                    {"versus", result.contestant.versus},
                    {"failure", result.failure},
                    {"milliseconds", result.milliseconds},
                    {"peak_kib", result.peak_kib}});
  }
  return list;
}

}  // namespace

std::string this_machine() {
  utsname name{};
  uname(&name);
  const bool v2 = kernel::exists("/sys/fs/cgroup/cgroup.controllers");
  return fmt::format("{} x {}, Linux {}, cgroup {}", sysconf(_SC_NPROCESSORS_ONLN), processor(), name.release,
                     v2 ? "v2" : "v1");
}

std::string markdown(const Report& report) {
  std::string text = this_machine() + "\n";
  if (!report.starts.empty()) text += "\n" + race_table(report.starts, true, "times its floor");
  for (const std::string& name : report.missing) text += "\nNot on this machine: " + name + "\n";
  if (!report.joins.empty()) text += "\n" + race_table(report.joins, true, "times setns and exec");
  if (!report.doors.empty()) text += "\n" + race_table(report.doors, true, "times the plain run");
  if (!report.rates.empty()) text += "\n" + rate_table(report);
  if (!report.unpacking.empty()) text += "\n" + race_table(report.unpacking, false, "times bsdtar");
  return text;
}

std::string json(const Report& report) {
  nlohmann::json rates = nlohmann::json::array();
  for (const Rate& rate : report.rates) rates.push_back({{"name", rate.name}, {"per_second", rate.per_second}});
  return nlohmann::json{{"machine", this_machine()},
                        {"starts", samples(report.starts)},
                        {"missing", report.missing},
                        {"at_once", report.at_once},
                        {"rates", rates},
                        {"joins", samples(report.joins)},
                        {"doors", samples(report.doors)},
                        {"unpacking", samples(report.unpacking)}}
      .dump(1);
}

}  // namespace coracle::bench
