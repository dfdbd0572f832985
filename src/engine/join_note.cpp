#include "engine/join_note.hpp"

#include <nlohmann/json.hpp>

#include "kernel/await_file.hpp"
#include "kernel/error.hpp"
#include "kernel/process.hpp"
#include "launch/run_directory.hpp"

namespace coracle::engine {
namespace {

using kernel::Error;
using nlohmann::json;

constexpr const char* kNote = "/join.json";

}  // namespace

void write_join_note(const std::string& run_dir, const launch::Spec& spec, pid_t pid) {
  const json note = {{"process", kernel::process_note(pid)},
                     {"env", spec.process.env},
                     {"cwd", spec.process.cwd},
                     {"user", spec.process.user},
                     {"groups", spec.process.groups},
                     {"group_add", spec.process.group_add}};
  kernel::replace_file(run_dir + kNote, note.dump(-1, ' ', false, json::error_handler_t::replace), 0600);
}

bool can_be_joined(const std::string& run_root, const std::string& id) {
  return kernel::exists(run_root + "/" + id + kNote);
}

JoinNote read_join_note(const std::string& run_root, const std::string& id) {
  const std::string run_dir = run_root + "/" + id;
  const std::string path = run_dir + kNote;
  constexpr int kPatienceMs = 10'000;
  if (!kernel::exists(path) && (!launch::RunDirectory::held(run_root, id) ||
                                !kernel::await_file(run_dir, std::string(kNote).substr(1), kPatienceMs)))
    throw Error("join the container", 0, "it is not running");
  try {
    const json note = json::parse(kernel::read_file(path));
    JoinNote read;
    note.at("process").get_to(read.process);
    note.at("env").get_to(read.program.env);
    note.at("cwd").get_to(read.program.cwd);
    note.at("user").get_to(read.program.user);
    note.at("groups").get_to(read.program.groups);
    note.at("group_add").get_to(read.program.group_add);
    return read;
  } catch (const json::exception& error) {
    throw Error("read " + path, 0, error.what());
  } catch (const Error& error) {
    if (error.code() != ENOENT) throw;
    throw Error("join the container", 0, "it has just ended");
  }
}

}  // namespace coracle::engine
