// Control groups as the kernel shows them, as directories and files; cgroups(7), and in the kernel's documentation
// admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1/. Version 2 is one tree with all controllers (cgroup_v2.cpp);
// version 1 is a tree for each controller, and on hybrid hosts a version 2 without controllers beside them
// (cgroup_v1.cpp). Here is what both can do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coracle::kernel {

// One group, in each tree that it is in. Everything goes by its directories: a second object with the same note, in
// another process too, stands for the same group. All calls throw Error.
class Cgroup {
 public:
  virtual ~Cgroup() = default;

  virtual int version() const = 0;  // of the files that its limits are written to

  // What find_cgroup() finds it by. It is complete before create(), so that whoever finds the note can undo.
  virtual std::string note() const = 0;

  // Whether this user may make it.
  virtual bool may_create() const = 0;

  // Before create(): throws Error when it is there already, or is to be below one, that is frozen: nothing would ever
  // move in it.
  virtual void refuse_frozen() const = 0;

  // mkdir, of missing groups above it as well.
  virtual void create() = 0;

  // Where the files of this controller are ("memory"; "cgroup2" for the version 2 tree); "" when the group is not in
  // its tree.
  virtual std::string directory_of(const std::string& controller) const = 0;

  // For processes to come: the directory for clone3's CLONE_INTO_CGROUP, -1 where no tree is version 2; and the move
  // of the calling process, which has one thread, into the trees where clone3 has not put it already. Both after
  // create() or open(), which a process of the host calls.
  virtual void open() = 0;
  virtual int directory() const = 0;
  virtual void enter() = 0;

  virtual bool exists() const = 0;

  // Stop and continue all processes of the group; they return when it is so.
  virtual void freeze() = 0;
  virtual void thaw() = 0;
  virtual bool frozen() const = 0;

  // Those of the groups below it as well.
  virtual std::vector<pid_t> pids() const = 0;
  virtual void kill() = 0;  // SIGKILL to all of them; returns when there is none

  // rmdir, also of the groups above it that create() made and that are empty now; what still runs in the group, and
  // in groups made below it, is killed first. Nothing there is no error.
  virtual void remove() = 0;
};

// A new group at `path`: from the root of each tree when it begins with "/", else below our own group (version 2:
// beside it). `controllers` ("cpu", "cpuset", "io", "memory", "pids", "devices", ...) have to be there, else an Error
// names the missing one; `every` adds all others that the host has. In one tree at least it is in any case, so that it
// can always be frozen, killed and counted.
std::unique_ptr<Cgroup> place_cgroup(const std::string& path, const std::vector<std::string>& controllers,
                                     bool every = false);

// The group that left this note, whether it exists any more or not.
std::unique_ptr<Cgroup> find_cgroup(const std::string& note);

// The first number of a file, or the one behind `key` in a file of "key number" lines. 0 when it is not there.
std::uint64_t read_counter(const std::string& file, std::string_view key = {});

}  // namespace coracle::kernel
