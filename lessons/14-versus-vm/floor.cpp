// The floor: a container made with nothing but the kernel calls that it takes. No errors explained, no cleaning up
// after a kill, no records: this is what the kernel takes, and what coracle takes above it is coracle's own.
//
//     floor --lower DIR... --scratch DIR [--net none|host] [--veth BRIDGE ADDRESS GATEWAY]
//           [--cgroup PARENT]... [--bundle] PROGRAM [ARGUMENT...]
//     floor --join PID PROGRAM [ARGUMENT...]
//
// --lower DIR      a layer of the root, the lowest first
// --scratch DIR    is made and removed: what the container writes (upper), and overlayfs's own work directory
// --veth ...       eth0 in the container, in a /16, its other end on the bridge; --net none is lo alone
// --cgroup PARENT  a cgroup is made in this directory (v1: once for each controller) and removed
// --bundle         what `runc spec` asks an OCI runtime for (floor_bundle.cpp): the lower directory itself is the root
// --join PID       a second program in the namespaces of a process
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.hpp"

namespace {

struct Options {
  std::vector<std::string> lower, cgroups;
  std::string scratch;
  bool net = true;
  bool bundle = false;
  pid_t join = 0;
  Veth veth;
  char** program = nullptr;
};

Options read_options(char** word) {
  Options options;
  while (*word != nullptr && word[0][0] == '-') {
    const std::string name = *word++;
    const auto value = [&] { return std::string(*word != nullptr ? *word++ : ""); };
    if (name == "--lower") options.lower.push_back(value());
    if (name == "--cgroup") options.cgroups.push_back(value());
    if (name == "--scratch") options.scratch = value();
    if (name == "--bundle") options.bundle = true;
    if (name == "--join") options.join = std::stoi(value());
    if (name == "--net") options.net = value() != "host";
    if (name == "--veth") options.veth = {value(), value(), value()};
  }
  options.program = word;
  return options;
}

void make_directories(const Options& options) {
  for (const char* name : {"", "/upper", "/work", "/merged"}) must(mkdir((options.scratch + name).c_str(), 0755), name);
}

// Named like the scratch directory, which no other container has.
std::string cgroup_in(const Options& options, const std::string& parent) {
  return parent + options.scratch.substr(options.scratch.rfind('/'));
}

// A cgroup v2 is what the child is born in (CLONE_INTO_CGROUP); into a v1 it goes itself.
int make_cgroups(const Options& options) {
  int v2 = -1;
  for (const std::string& parent : options.cgroups) {
    const std::string path = cgroup_in(options, parent);
    must(mkdir(path.c_str(), 0755), path.c_str());
    if (options.bundle) set_up_cgroup(parent, path);
    if (access((path + "/cgroup.controllers").c_str(), F_OK) == 0) v2 = open(path.c_str(), O_PATH | O_CLOEXEC);
  }
  return v2;
}

pid_t clone_child(const Options& options, int cgroup) {
  clone_args arguments{};
  arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
  if (!options.bundle) arguments.flags |= CLONE_NEWTIME;
  if (options.net) arguments.flags |= CLONE_NEWNET;
  if (cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<__u64>(cgroup);
  }
  arguments.exit_signal = SIGCHLD;
  return static_cast<pid_t>(must(syscall(SYS_clone3, &arguments, sizeof arguments), "clone3"));
}

void remove_tree(int parent, const char* name) {
  if (unlinkat(parent, name, 0) == 0) return;
  const int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = fdopendir(directory);
  while (const dirent* entry = readdir(stream)) {
    const std::string below = entry->d_name;
    if (below != "." && below != "..") remove_tree(directory, entry->d_name);
  }
  closedir(stream);
  must(unlinkat(parent, name, AT_REMOVEDIR), name);
}

void clean_up(const Options& options) {
  for (const std::string& parent : options.cgroups) must(rmdir(cgroup_in(options, parent).c_str()), "rmdir a cgroup");
  remove_tree(AT_FDCWD, options.scratch.c_str());
}

// The cgroup namespace begins where its maker is, so it comes after the cgroup (cgroup_namespaces(7)).
void enter_cgroups(const Options& options) {
  for (const std::string& parent : options.cgroups) {
    const int tasks = open((cgroup_in(options, parent) + "/tasks").c_str(), O_WRONLY | O_CLOEXEC);
    if (tasks >= 0) must(write(tasks, "0", 1), "write 0 to tasks");
    close(tasks);
  }
  must(unshare(CLONE_NEWCGROUP), "unshare the cgroup namespace");
}

void loopback_up() {
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{{"lo"}, {}};
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  must(ioctl(any, SIOCSIFFLAGS, &request), "lo up");
  close(any);
}

// overlayfs wants the highest layer first (Documentation/filesystems/overlayfs.rst).
void mount_root(const Options& options) {
  if (options.bundle) return bind_root(options.lower[0]);
  std::string data = "upperdir=" + options.scratch + "/upper,workdir=" + options.scratch + "/work,lowerdir=";
  for (auto layer = options.lower.rbegin(); layer != options.lower.rend(); ++layer) {
    data += (layer == options.lower.rbegin() ? "" : ":") + *layer;
  }
  const std::string merged = options.scratch + "/merged";
  must(mount("overlay", merged.c_str(), "overlay", 0, data.c_str()), "mount overlay");
  must(chdir(merged.c_str()), "chdir to the root");
}

constexpr unsigned long kNothingRuns = MS_NOSUID | MS_NOEXEC | MS_NODEV;

void mount_dev() {
  must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"), "mount dev");
  must(chdir("dev"), "chdir dev");
  struct Node {
    const char* name;
    unsigned major, minor;
  };
  for (const Node& node : {Node{"null", 1, 3}, Node{"zero", 1, 5}, Node{"full", 1, 7}, Node{"random", 1, 8},
                           Node{"urandom", 1, 9}, Node{"tty", 5, 0}}) {
    must(mknod(node.name, S_IFCHR | 0666, makedev(node.major, node.minor)), node.name);
  }
  must(symlink("/proc/self/fd", "fd"), "symlink fd");
  must(symlink("/proc/self/fd/0", "stdin"), "symlink stdin");
  must(symlink("/proc/self/fd/1", "stdout"), "symlink stdout");
  must(symlink("/proc/self/fd/2", "stderr"), "symlink stderr");
  must(symlink("pts/ptmx", "ptmx"), "symlink ptmx");
  for (const char* name : {"pts", "shm", "mqueue"}) must(mkdir(name, 0755), name);
  const char* pts = "newinstance,ptmxmode=0666,mode=0620,gid=5";
  must(mount("devpts", "pts", "devpts", MS_NOSUID | MS_NOEXEC, pts), "mount pts");
  must(mount("tmpfs", "shm", "tmpfs", kNothingRuns, "mode=1777,size=65536k"), "mount shm");
  must(mount("mqueue", "mqueue", "mqueue", kNothingRuns, nullptr), "mount mqueue");
  must(chdir(".."), "chdir ..");
}

[[noreturn]] void be_the_child(const Options& options, const int (&go)[2]) {
  close(go[1]);
  enter_cgroups(options);
  must(mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr), "make mounts private");
  if (options.net) loopback_up();
  mount_root(options);
  must(mount("proc", "proc", "proc", kNothingRuns, nullptr), "mount proc");
  must(mount("sysfs", "sys", "sysfs", kNothingRuns | MS_RDONLY, nullptr), "mount sys");
  umask(0);
  mount_dev();
  umask(022);
  if (options.bundle) mount_cgroups(options.cgroups);
  if (!options.veth.bridge.empty()) enter_veth(options.veth, options.scratch, go[0]);
  must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  must(umount2(".", MNT_DETACH), "umount the old root");
  must(chdir("/"), "chdir /");
  if (options.bundle) confine();
  must(execve(options.program[0], options.program, environ), options.program[0]);
  _exit(125);
}

// All namespaces at once, through the pidfd (setns(2)); the next child is in the pid namespace.
int join(const Options& options) {
  const int pidfd = static_cast<int>(must(syscall(SYS_pidfd_open, options.join, 0), "pidfd_open"));
  constexpr int kAll = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
  must(setns(pidfd, kAll), "setns");
  const pid_t child = static_cast<pid_t>(must(fork(), "fork"));
  if (child == 0) must(execve(options.program[0], options.program, environ), options.program[0]);
  int status = 0;
  must(waitpid(child, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int, char** argv) {
  const Options options = read_options(argv + 1);
  if (options.join > 0 && *options.program != nullptr) return join(options);
  if (*options.program == nullptr || options.scratch.empty() || options.lower.empty()) {
    std::fputs("usage: floor --lower DIR --scratch DIR [OPTIONS] PROGRAM [ARGUMENT...]\n", stderr);
    return 125;
  }
  make_directories(options);
  int go[2];
  must(pipe2(go, O_CLOEXEC), "pipe2");
  const pid_t child = clone_child(options, make_cgroups(options));
  if (child == 0) be_the_child(options, go);
  if (!options.veth.bridge.empty()) make_veth(options.veth, options.scratch, child, go[1]);
  int status = 0;
  must(waitpid(child, &status, 0), "waitpid");
  clean_up(options);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
