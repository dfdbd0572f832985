#include "launch/report.hpp"

#include <cerrno>
#include <cstdio>

#include "kernel/error.hpp"
#include "kernel/own_user_namespace.hpp"
#include "launch/rootless.hpp"

namespace coracle::launch {
namespace {

std::string hint_without_root() {
  const std::string forbidden = kernel::user_namespace_switch();
  if (!forbidden.empty()) return "as root: " + forbidden;
  return "this user may not; see coracle doctor, or run it as root (sudo)";
}

}  // namespace

int report_errors(const std::string& name, const std::function<int()>& action) {
  try {
    return action();
  } catch (kernel::Error& error) {
    const bool denied = rootless() && (error.code() == EPERM || error.code() == EACCES);
    if (denied && error.hint().empty()) error.with_hint(hint_without_root());
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return error.status();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), kernel::printable(error.what()).c_str());
    return 125;
  }
}

}  // namespace coracle::launch
