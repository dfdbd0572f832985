// pasta(1). It goes to the background when the network is there, changes its namespaces and its capabilities, and so
// loses every tie to whoever started it. So it lives in a pid namespace of its own, below a keeper, which dies with us
// (PR_SET_PDEATHSIG); and with the keeper, which is the namespace's pid 1, the kernel ends all of it
// (pid_namespaces(7)). Whatever way the container ends, pasta ends.
#include "parts/network/pasta.hpp"

#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "kernel/mount.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "kernel/spawn.hpp"
#include "parts/network/names.hpp"
#include "parts/network/ports.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

// Anything will do: what the container sends goes out through sockets of the host, with the host's addresses.
constexpr const char* kAddress = "10.0.2.100";
constexpr const char* kGateway = "10.0.2.2";
constexpr const char* kMac = "02:00:0a:00:02:02";

constexpr const char* kNote = "/pasta";   // the keeper, for a release() in another process
constexpr const char* kPlace = "/netns";  // where pasta finds the container's network namespace
constexpr char kReady = '\n';             // the keeper's report when all is well; else it is the error

// What pasta said, without its complaints about syslog.
std::string without_syslog(const std::string& text) {
  std::string kept;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.find("syslog") == std::string::npos) kept += (kept.empty() ? "" : ", ") + line;
  }
  return kept;
}

std::string explain(const Error& error) {
  if (error.code() == ENOENT)
    return "there is no program pasta (apt-get install passt); --net none and --net host need none";
  if (::access("/dev/net/tun", R_OK | W_OK) != 0)
    return "this user may not open /dev/net/tun (as root: chmod 0666 /dev/net/tun); " + without_syslog(error.hint());
  return without_syslog(error.hint());
}

class Pasta final : public Part {
 public:
  explicit Pasta(PastaOptions options) : options_(std::move(options)) {}

  Stage stage() const override { return Stage::network; }
  const char* name() const override { return "pasta"; }

  void prepare(Context& context) override {
    context.clone_flags |= CLONE_NEWNET;
    kernel::create_file(context.run_dir + kPlace, "");
    int ends[2];
    kernel::attempt([&] { return ::pipe2(ends, O_CLOEXEC); }, "pipe2");
    report_ = Fd(ends[0]);
    reporter_ = Fd(ends[1]);
    for (PublishedPort& port : options_.ports) {
      if (port.host_port == 0 || port.last_host_port != 0) reserve(port);  // pasta takes no port "that is free"
    }
    if (!options_.ports.empty()) note_ports(context.run_dir, options_.ports);
    write_name_files(context, kAddress, options_.names);
  }

  void adopt(Context& context) override {
    keeper_ = kernel::clone3(CLONE_NEWPID | CLONE_NEWNS);
    if (keeper_.pid == 0) keep(context);
    kernel::create_file(context.run_dir + kNote, kernel::process_note(keeper_.pid));
    report_.close();
    reporter_.close();
  }

  // The program begins when it has its network. Until here the child went on beside pasta.
  void seal(Context&) override {
    if (!report_) return;  // it joins a container
    reporter_.close();
    const std::string report = kernel::read_all(report_);
    report_.close();
    if (report == std::string(1, kReady)) return;
    throw Error("give the container a network with pasta", 0, report);
  }

  std::string release(Context& context) noexcept override {
    try {
      const std::string note = context.run_dir + kNote;
      if (keeper_.pidfd) {
        kernel::send_signal(keeper_.pidfd, SIGKILL);
        kernel::wait(keeper_.pidfd);
        keeper_ = {};
      } else if (kernel::exists(note)) {
        if (const Fd keeper = kernel::noted_process(kernel::read_file(note))) kernel::send_signal(keeper, SIGKILL);
      }
      return {};
    } catch (const std::exception& error) {
      return error.what();
    }
  }

 private:
  [[noreturn]] void keep(const Context& context);

  PastaOptions options_;
  Fd report_, reporter_;
  kernel::Child keeper_;
};

// Nothing of ours stays open in the keeper but the way to report: our lock on the run directory is not its to hold.
void leave_all_but(Fd& reporter) {
  constexpr int kept = 3;
  if (reporter.get() != kept) {
    ::dup3(reporter.get(), kept, O_CLOEXEC);
    reporter.release();
    reporter = Fd(kept);
  }
  ::close_range(kept + 1, ~0U, 0);
}

// The keeper's whole life.
void Pasta::keep(const Context& context) {
  kernel::die_with_parent();
  ::setsid();  // Ctrl-C is for the program in the container
  report_.release();
  leave_all_but(reporter_);
  sigset_t none;
  sigemptyset(&none);
  kernel::set_signal_mask(none);
  std::string report(1, kReady);
  try {
    // pasta gives up the capabilities that it would need to look into /proc/PID/ns; a bind mount asks for none.
    kernel::set_propagation("/", MS_PRIVATE);
    const std::string place = context.run_dir + kPlace;
    kernel::mount(fmt::format("/proc/{}/ns/net", context.pid), place, "", MS_BIND);
    kernel::spawn(pasta_command(options_.ports, place), {});
  } catch (const Error& error) {
    report = error.attempt() == "run pasta" ? explain(error) : error.what();
  }
  const bool heard = ::write(reporter_.get(), report.data(), report.size()) > 0;
  reporter_.close();
  while (heard && (::wait(nullptr) > 0 || errno == EINTR)) {
  }
  _exit(0);
}

}  // namespace

// The container's ports are those that are published and no others, and neither the host's loopback (-T, -U) nor its
// own services (--no-map-gw) are in reach. With addresses, a gateway and lo as the interface to look at, pasta asks
// for nothing of the host's, and works without a way out, too.
std::vector<std::string> pasta_command(const std::vector<PublishedPort>& ports, const std::string& netns) {
  std::vector<std::string> command = {
      "pasta", "--config-net", "--quiet", "--no-map-gw", "--ipv4-only", "-i",   "lo", "-a",   kAddress, "-n",  "24",
      "-g",    kGateway,       "-M",      kMac,          "-I",          "eth0", "-T", "none", "-U",     "none"};
  bool tcp = false, udp = false;
  for (const PublishedPort& port : ports) {
    const std::string address = port.host_address.empty() ? "" : port.host_address + "/";
    command.emplace_back(port.protocol == "udp" ? "-u" : "-t");
    command.push_back(fmt::format("{}{}:{}", address, port.host_port, port.container_port));
    (port.protocol == "udp" ? udp : tcp) = true;
  }
  if (!tcp) command.insert(command.end(), {"-t", "none"});
  if (!udp) command.insert(command.end(), {"-u", "none"});
  command.insert(command.end(), {"--netns-only", "--netns", netns});
  return command;
}

std::unique_ptr<Part> make_pasta(PastaOptions options) { return std::make_unique<Pasta>(std::move(options)); }

}  // namespace coracle::parts
