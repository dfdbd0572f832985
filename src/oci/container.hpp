// A container as the commands know it: its directory below --root, what was noted there, and what the kernel says.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "oci/config.hpp"

namespace coracle::oci {

// Throws Error for what cannot be the name of a container: letters, digits and + - . _ are allowed, as runc has it.
void check_id(const std::string& id);

struct Container {
  std::string root, id;
  std::string directory() const { return root + "/" + id; }
};

// The container with this id. Throws Error when there is none.
Container find_container(const std::string& root, const std::string& id);

// The ids of all containers, sorted.
std::vector<std::string> container_ids(const std::string& root);

// What a create notes, for all commands that come later.
struct Record {
  std::string version, id, bundle, rootfs, created, owner;  // `created`: RFC 3339, UTC
  std::map<std::string, std::string> annotations;
};

Record make_record(const std::string& id, const Config& config);

// The text of config.json as it was at the create, and the record. The record is written last, and at once.
void note_container(const std::string& directory, const Record& record, const std::string& config);

// An empty one when the create was killed before it noted anything.
Record read_record(const Container& container);
Config read_noted_config(const Container& container);

// The container's first process; an empty descriptor when it has ended.
struct FirstProcess {
  pid_t pid = 0;
  kernel::Fd pidfd;
};
FirstProcess first_process(const Container& container);

// "creating", "created", "running", "paused" or "stopped" (runtime-spec runtime.md, "State"), as the kernel has it.
std::string status_of(const Container& container, const FirstProcess& process);

// The state as the runtime-spec has it, for hooks and for the command `state`.
std::string state_json(const Record& record, pid_t pid, const std::string& status, bool pretty = false);

// Refuses in words like runc's: "container ID is not running: stopped".
[[noreturn]] void refuse_status(const Container& container, const std::string& wanted, const std::string& status);

}  // namespace coracle::oci
