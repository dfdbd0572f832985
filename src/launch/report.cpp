#include "launch/report.hpp"

#include <cerrno>
#include <cstdio>

#include <unistd.h>

#include "kernel/error.hpp"

namespace coracle::launch {

int report_errors(const std::string& name, const std::function<int()>& action) {
  try {
    return action();
  } catch (kernel::Error& error) {
    const bool may_be_root = geteuid() != 0 && (error.code() == EPERM || error.code() == EACCES);
    if (may_be_root && error.hint().empty()) error.with_hint("this needs root: run it with sudo");
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return error.status();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return 125;
  }
}

}  // namespace coracle::launch
