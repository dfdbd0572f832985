// coracle-oci kill: a signal for a container's program (runtime-spec runtime.md, "Kill"); pidfd_send_signal(2).
#include <csignal>

#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "oci/oci.hpp"
#include "parts/cgroup.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;

int read_signal(const std::string& text) {
  if (text == "0") return 0;  // kill(2): nothing is sent, and whether it could be is the answer
  if (const auto number = kernel::signal_number(text)) return *number;
  std::string upper = text;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (const auto number = kernel::signal_number(upper)) return *number;
  throw Error("read the signal \"" + text + "\"", 0,
              "unknown signal; allowed are names like TERM and SIGTERM, and numbers");
}

// A process that a freezer holds dies when it is let go, and not before.
void thaw_to_die(const Container& container) {
  try {
    if (parts::is_frozen(container.directory())) parts::thaw_cgroup(container.directory());
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
  }
}

}  // namespace

int kill(const Door& door, Words words) {
  Options options("kill", "[--all] ID [SIGNAL]", "Send a signal (TERM, when none is named) to a container's program.");
  bool all = false;
  options.flag('a', "all", "To all processes of the container", all);
  if (!options.read(words)) return 0;
  std::string signal = "TERM";
  if (words.size() == 2) {
    signal = words[1];
    words.pop_back();
  }
  const Container container = find_container(door.root, only_id(words));
  const int number = read_signal(signal);
  const FirstProcess process = first_process(container);
  const std::string status = status_of(container, process);
  if (all) {
    parts::signal_cgroup(container.directory(), number);
    return 0;
  }
  if (status == "stopped" || !kernel::send_signal(process.pidfd, number))
    refuse_status(container, "running", "stopped");
  if (number == SIGKILL) thaw_to_die(container);
  return 0;
}

}  // namespace coracle::oci
