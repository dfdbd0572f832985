#include "kernel/rlimit.hpp"

#include <cctype>

#include <sys/resource.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

struct Resource {
  int number;
  const char* name;
};

constexpr Resource kResources[] = {
    {RLIMIT_AS, "AS"},           {RLIMIT_CORE, "CORE"},         {RLIMIT_CPU, "CPU"},
    {RLIMIT_DATA, "DATA"},       {RLIMIT_FSIZE, "FSIZE"},       {RLIMIT_LOCKS, "LOCKS"},
    {RLIMIT_MEMLOCK, "MEMLOCK"}, {RLIMIT_MSGQUEUE, "MSGQUEUE"}, {RLIMIT_NICE, "NICE"},
    {RLIMIT_NOFILE, "NOFILE"},   {RLIMIT_NPROC, "NPROC"},       {RLIMIT_RSS, "RSS"},
    {RLIMIT_RTPRIO, "RTPRIO"},   {RLIMIT_RTTIME, "RTTIME"},     {RLIMIT_SIGPENDING, "SIGPENDING"},
    {RLIMIT_STACK, "STACK"}};

std::string text(std::uint64_t limit) { return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit); }

}  // namespace

std::optional<int> rlimit_number(const std::string& name) {
  std::string upper;
  for (const char letter : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (upper.rfind("RLIMIT_", 0) == 0) upper.erase(0, 7);
  for (const Resource& resource : kResources) {
    if (upper == resource.name) return resource.number;
  }
  return std::nullopt;
}

std::string rlimit_name(int resource) {
  for (const Resource& known : kResources) {
    if (known.number == resource) return std::string("RLIMIT_") + known.name;
  }
  return "RLIMIT " + std::to_string(resource);
}

void setrlimit(int resource, std::uint64_t soft, std::uint64_t hard) {
  const rlimit limits{soft, hard};
  const auto which = static_cast<__rlimit_resource_t>(resource);
  if (note_call([&] { return ::setrlimit(which, &limits); }, "setrlimit {} {}", rlimit_name(resource), text(soft)) == 0)
    return;
  Error error(fmt::format("setrlimit {} soft={} hard={}", rlimit_name(resource), text(soft), text(hard)), errno);
  rlimit now{};
  if (error.code() == EPERM && ::getrlimit(which, &now) == 0) {
    error.with_hint(fmt::format("the hard limit is {} here, and only CAP_SYS_RESOURCE may raise it; ask for less",
                                text(now.rlim_max)));
  }
  if (error.code() == EINVAL) error.with_hint("the soft limit may not be above the hard one");
  throw error;
}

}  // namespace coracle::kernel
