#include "parts/network/name_service.hpp"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <sstream>

#include <poll.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kernel/await_file.hpp"
#include "kernel/mount.hpp"
#include "kernel/namespace.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr const char* kHosts = "/hosts";       // a directory: a file ID for each container
constexpr const char* kProcess = "/dnsmasq";   // kernel::process_note()
constexpr const char* kReady = "dnsmasq.pid";  // dnsmasq writes it when it has its sockets
constexpr int kPatienceMs = 10'000;

// It becomes nobody, who cannot get through the run root to the hosts: in its own view of the mounts they are here.
constexpr const char* kHostsInside = "/tmp";

// What it is told when it begins is all that it is told: it reads no file of its own. Plain names are those of
// containers: it does not ask the world for the IPv6 address of one, nor waits for the answer.
std::vector<std::string> command_of(const NameService& service) {
  std::vector<std::string> command = {"dnsmasq",
                                      "--keep-in-foreground",
                                      "--conf-file=/dev/null",
                                      "--user=nobody",
                                      "--no-hosts",
                                      "--domain-needed",
                                      std::string("--addn-hosts=") + kHostsInside,
                                      "--pid-file=" + service.directory + "/" + kReady,
                                      "--listen-address=" + kernel::ipv4_text(service.address),
                                      "--bind-interfaces"};
  if (service.internal) command.emplace_back("--no-resolv");
  return command;
}

// Its end takes a while, in which it answers nobody: PF_EXITING of <linux/sched.h> among its flags, the ninth field of
// proc_pid_stat(5).
bool is_ending(pid_t pid) {
  constexpr unsigned kExiting = 4;
  try {
    const std::string stat = kernel::read_file(fmt::format("/proc/{}/stat", pid));
    std::istringstream fields(stat.substr(stat.rfind(')') + 1));
    std::string field;
    for (int i = 3; i < 9; ++i) fields >> field;
    unsigned flags = 0;
    fields >> flags;
    return (flags & kExiting) != 0;
  } catch (const Error&) {
    return true;  // it has ended
  }
}

std::string process_note(const std::string& directory) {
  const std::string path = directory + kProcess;
  return kernel::exists(path) ? kernel::read_file(path) : "";
}

Fd running(const std::string& directory) {
  const std::string note = process_note(directory);
  Fd process = note.empty() ? Fd() : kernel::noted_process(note);
  return process && !is_ending(kernel::noted_pid(note)) ? std::move(process) : Fd();
}

[[noreturn]] void become(const std::vector<std::string>& command, const Fd& errors) {
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(nothing.get(), STDOUT_FILENO);
  ::dup2(errors.get(), STDERR_FILENO);
  kernel::default_signal_actions();
  sigset_t none;
  sigemptyset(&none);
  kernel::set_signal_mask(none);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {path, nullptr};
  ::execvpe(arguments[0], arguments.data(), environment);
  ::execve("/usr/sbin/dnsmasq", arguments.data(), environment);  // su leaves /usr/sbin out of the PATH
  constexpr std::string_view kMissing = "there is no program dnsmasq (apt-get install dnsmasq-base)";
  if (::write(STDERR_FILENO, kMissing.data(), kMissing.size()) < 0) _exit(126);
  _exit(127);
}

// Over a process that ends at once: it is nobody's child, and no start has to wait for it.
void start_detached(const NameService& service, const Fd& errors) {
  const std::vector<std::string> command = command_of(service);
  const kernel::Child between = kernel::clone3(0);
  if (between.pid == 0) {
    ::setsid();
    try {
      kernel::unshare(CLONE_NEWNS);
      kernel::set_propagation("/", MS_SLAVE);  // what the host unmounts is not held here
      kernel::mount(service.directory + kHosts, kHostsInside, "", MS_BIND);
      const kernel::Child server = kernel::clone3(0);
      if (server.pid == 0) become(command, errors);
      kernel::create_file(service.directory + kProcess, kernel::process_note(server.pid));
    } catch (const Error& error) {
      kernel::write_all(errors, error.what());
      _exit(0);
    }
    _exit(0);
  }
  if (kernel::wait(between.pidfd).status() != 0) throw Error("begin dnsmasq", 0, "no process could be made");
}

// Its end of the pipe is closed: it has ended, and this is what it said.
std::string last_words(const Fd& errors) {
  pollfd state{errors.get(), POLLIN, 0};
  if (poll(&state, 1, 0) < 1 || (state.revents & POLLHUP) == 0) return {};
  std::string text = kernel::read_all(errors);
  while (text.ends_with('\n')) text.pop_back();
  text.erase(0, text.find_first_not_of('\n'));
  return text.empty() ? "it ended at once" : text;
}

std::string hosts_line(kernel::Ipv4 address, const std::vector<std::string>& names) {
  std::string line = kernel::ipv4_text(address);
  for (const std::string& name : names) {
    if (!valid_host_name(name)) {
      throw Error("answer to the name \"" + name + "\"", 0,
                  "a name in a network has 1 to 253 letters, digits, '-', '_' and '.'");
    }
    line += " " + name;
  }
  return line + "\n";
}

// dnsmasq(8), SIGHUP: it reads its hosts again.
void read_again(const std::string& directory) {
  if (const Fd process = running(directory)) kernel::send_signal(process, SIGHUP);
}

}  // namespace

bool valid_host_name(const std::string& name) {
  const auto good = [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
  };
  return !name.empty() && name.size() <= 253 && name[0] != '-' && std::all_of(name.begin(), name.end(), good);
}

bool has_name_service(const std::string& directory) { return kernel::exists(directory + kHosts); }

bool serves_names(const NameService& service) { return static_cast<bool>(running(service.directory)); }

void begin_name_service(const NameService& service) {
  end_name_service(service.directory);  // one that is about to end has the port still
  kernel::make_directories(service.directory + kHosts, 0755);
  int ends[2];
  kernel::attempt([&] { return ::pipe2(ends, O_CLOEXEC); }, "pipe2");
  const Fd errors(ends[0]);
  {
    const Fd write_end(ends[1]);
    start_detached(service, write_end);
  }
  constexpr int kSliceMs = 20;
  for (int waited = 0; waited < kPatienceMs; waited += kSliceMs) {
    if (kernel::await_file(service.directory, kReady, kSliceMs)) return;
    if (const std::string words = last_words(errors); !words.empty()) {
      throw Error("begin dnsmasq on " + kernel::ipv4_text(service.address), 0, words);
    }
  }
  end_name_service(service.directory);
  throw Error("begin dnsmasq on " + kernel::ipv4_text(service.address), ETIMEDOUT);
}

void end_name_service(const std::string& directory) {
  const std::string note = process_note(directory);
  if (const Fd process = note.empty() ? Fd() : kernel::noted_process(note)) {
    kernel::send_signal(process, SIGKILL);
    pollfd end{process.get(), POLLIN, 0};
    poll(&end, 1, kPatienceMs);  // its port is free again
  }
  kernel::remove_tree(directory + kProcess);
  kernel::remove_tree(directory + "/" + kReady);
}

void tell_names(const NameService& service, const std::string& id, kernel::Ipv4 address,
                const std::vector<std::string>& names) {
  kernel::create_file(service.directory + kHosts + "/" + id, hosts_line(address, names), 0644);
  read_again(service.directory);
}

void forget_names(const std::string& directory, const std::string& id) {
  const std::string file = directory + kHosts + "/" + id;
  if (!kernel::exists(file)) return;
  kernel::remove_tree(file);
  read_again(directory);
}

}  // namespace coracle::parts
