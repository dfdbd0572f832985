// What every part of a container is: some of six moments in the life of a container.
// The launch (src/launch) calls them; a part knows the kernel and this file, and no other part.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "kernel/fd.hpp"

namespace coracle::parts {

// The order in which parts act. This is the order of a start, written down once; release() runs it backwards.
enum class Stage {
  cgroup,  // first: before memory is spent on the container's behalf; and a cgroup namespace begins where its maker is
  namespaces,  // the flags of the one clone; mounts made private before anybody mounts; lo up, host name
  network,     // the kernel works on devices while the child goes on; the files it writes are mounted by `mounts`
  layers,      // makes the root file system that everything after it is mounted in
  mounts,      // /proc, /sys, /dev: views of the namespaces, below whatever the user mounts over them
  volumes,     // the user's mounts, while the host's paths can still be reached
  terminal,    // in the container's own devpts, which `mounts` made
  hooks,       // other programs that look at the finished root file system, from the host's paths
  root,        // the host's paths are gone from here on
  confine,     // hides and locks what all others still needed; its seal gives up the powers to undo that
  last,        // programs that run inside, as confined as the container's own
};

// A file of ours that the container sees at `destination` (/etc/hosts, ...), bound over what its root has there.
struct BoundFile {
  std::string source;
  std::string destination;
};

// Who the program runs as, in the numbers of the container.
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary; with gid among them
  std::string home = "/";
};

// What a part may see of the start, and hand to those that act after it.
struct Context {
  std::string id;                 // the name of all that is made for this container begins with it
  std::string run_dir;            // this container's own directory for state; removed by the launch at the very end
  std::uint64_t clone_flags = 0;  // prepare: CLONE_NEW*, gathered for the one clone3
  std::uint64_t existing = 0;  // prepare: CLONE_NEW* of namespaces that are entered: whoever asks, no new one is made
  bool host_mounts = false;    // prepare: there is no mount namespace; what is mounted stands on the host until release
  int cgroup_fd = -1;          // prepare: the cgroup v2 directory to be born in (CLONE_INTO_CGROUP), or -1
  std::uint64_t joined = 0;    // join: CLONE_NEW* of the namespaces of the process to join that are to be entered
  // prepare, join: what has to be done in a process between the parent and the child, which then makes the clone:
  // namespaces and groups of others are entered before the child's own begin. In a join it stands in `joined` already.
  std::vector<std::function<void()>> between;
  pid_t pid =
      0;  // adopt, release: the container's first process, as the host numbers it; 0 before. join: the one to join
  const kernel::Fd* pidfd = nullptr;  // adopt, join: the same process
  std::string rootfs;                 // enter: the directory that becomes "/"; set by the part that makes it
  std::vector<BoundFile> files;       // enter: filled by prepare, bound into the root by `mounts`
  User user;                          // seal: whom the process has to become
};

class Part {
 public:
  virtual ~Part() = default;
  virtual Stage stage() const = 0;
  virtual const char* name() const = 0;

  // In the parent, before the child exists. What it changes in the context, the child sees.
  virtual void prepare(Context&) {}
  // In the parent, while the child exists and waits.
  virtual void adopt(Context&) {}
  // In the child, in its new namespaces.
  virtual void enter(Context&) {}
  // In the parent, in place of prepare: for a second process that enters the running container of context.pid. What it
  // has to do there goes to context.between.
  virtual void join(Context&) {}
  // In the child, started or joining, as the last thing before its program: what belongs to the process and not to the
  // container (limits, user, capabilities, system call filter).
  virtual void seal(Context&) {}
  // In the parent, after the end or a failed start, whatever of the above took place, and also in another
  // process later when the first was killed: then only `id` and `run_dir` are known. So it goes by names that
  // derive from these, or by notes that the part left in run_dir; what is not there is not an error.
  // It never throws: what it could not undo it gives back as a text, for the user.
  virtual std::string release(Context&) noexcept { return {}; }
};

using Parts = std::vector<std::unique_ptr<Part>>;

}  // namespace coracle::parts
