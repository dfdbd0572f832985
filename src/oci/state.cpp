// coracle-oci state and list: what there is, as the kernel has it.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <pwd.h>

#include "kernel/error.hpp"
#include "oci/oci.hpp"

namespace coracle::oci {
namespace {

using kernel::Error;

struct Entry {
  Record record;
  pid_t pid = 0;
  std::string status;
};

Entry look_at(const Container& container) {
  const FirstProcess process = first_process(container);
  Entry entry{read_record(container), process.pid, status_of(container, process)};
  if (entry.status == "stopped") entry.pid = 0;
  return entry;
}

// One that is deleted while we look is not there.
std::vector<Entry> look_at_all(const std::string& root) {
  std::vector<Entry> entries;
  for (const std::string& id : container_ids(root)) {
    try {
      entries.push_back(look_at({root, id}));
    } catch (const Error& error) {
      if (error.code() != ENOENT) warn(fmt::format("{}: {}", id, error.what()));
    }
  }
  return entries;
}

void print_json(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) {
    text += (text.empty() ? "" : ",") + state_json(entry.record, entry.pid, entry.status);
  }
  std::puts(entries.empty() ? "null" : ("[" + text + "]").c_str());  // as runc has it
}

void print_table(const std::vector<Entry>& entries) {
  std::size_t id = 2, bundle = 6;
  for (const Entry& entry : entries) {
    id = std::max(id, entry.record.id.size());
    bundle = std::max(bundle, entry.record.bundle.size());
  }
  constexpr const char* kLine = "{:<{}}   {:<9} {:<9} {:<{}}   {:<30}   {}\n";
  fmt::print(fmt::runtime(kLine), "ID", id, "PID", "STATUS", "BUNDLE", bundle, "CREATED", "OWNER");
  for (const Entry& entry : entries) {
    const Record& record = entry.record;
    fmt::print(fmt::runtime(kLine), record.id, id, entry.pid, entry.status, record.bundle, bundle, record.created,
               record.owner == "0" ? "root" : "#" + record.owner);
  }
}

}  // namespace

int state(const Door& door, Words words) {
  Options options("state", "ID", "Print the state of a container as JSON (runtime-spec runtime.md, \"State\").");
  if (!options.read(words)) return 0;
  const Entry entry = look_at(find_container(door.root, only_id(words)));
  std::puts(state_json(entry.record, entry.pid, entry.status, true).c_str());
  return 0;
}

int list(const Door& door, Words words) {
  Options options("list", "[OPTIONS]", "List the containers below --root.");
  std::string format = "table";
  bool quiet = false;
  options.value('f', "format", "FORMAT", "table or json", format);
  options.flag('q', "quiet", "The ids alone", quiet);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the command line", 0, "\"" + words[0] + "\" is one word too many");
  if (format != "table" && format != "json")
    throw Error("read the format \"" + format + "\"", 0, "invalid format option: it is table or json");
  if (quiet) {
    for (const std::string& id : container_ids(door.root)) std::puts(id.c_str());
    return 0;
  }
  const std::vector<Entry> entries = look_at_all(door.root);
  format == "json" ? print_json(entries) : print_table(entries);
  return 0;
}

}  // namespace coracle::oci
