// coracle system df: what is taken of the disk, in docker's tables.
#include <ctime>
#include <map>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "cli/table.hpp"
#include "image/digest.hpp"
#include "image/usage.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/tree_size.hpp"

namespace coracle::cli {
namespace {

using kernel::Error;

std::vector<std::string> volumes_of(const engine::Engine& engine) {
  if (!kernel::exists(engine.volumes_dir())) return {};
  return kernel::list(kernel::open(engine.volumes_dir(), O_RDONLY | O_DIRECTORY));
}

std::uint64_t container_size(const engine::Engine& engine, const engine::Record& record) {
  return kernel::tree_size(engine.containers_dir() + "/" + record.id);
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? human_size(part) : fmt::format("{} ({}%)", human_size(part), part * 100 / whole);
}

// All containers run, and who uses a volume is not written down.
void print_summary(engine::Engine& engine) {
  const image::Usage images = image::usage(engine.database);
  std::uint64_t containers = 0;
  const auto records = engine.records.all();
  for (const engine::Record& record : records) containers += container_size(engine, record);
  const std::string running = std::to_string(records.size());
  Table table{{"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"}};
  table.push_back({"Images", std::to_string(images.images), std::to_string(images.used_images),
                   human_size(images.bytes), share(images.bytes - images.used_bytes, images.bytes)});
  table.push_back({"Containers", running, running, human_size(containers), share(0, containers)});
  table.push_back({"Local Volumes", std::to_string(volumes_of(engine).size()), "-",
                   human_size(kernel::tree_size(engine.volumes_dir())), "-"});
  fmt::print("{}", format_table(table));
}

void print_images(engine::Engine& engine, const std::vector<engine::Record>& records) {
  std::map<std::string, int> users;
  for (const engine::Record& record : records) ++users[record.image];
  Table table{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"}};
  for (const image::Listed& image : engine.store.list()) {
    const std::uint64_t shared = image::shared_bytes(engine.database, image.id);
    table.push_back({image.repository.empty() ? "<none>" : image.repository, image.tag.empty() ? "<none>" : image.tag,
                     image::short_id(image.id), human_duration(std::time(nullptr) - image.created) + " ago",
                     human_size(image.size), human_size(shared), human_size(image.size - std::min(shared, image.size)),
                     std::to_string(users[image.id])});
  }
  fmt::print("Images space usage:\n\n{}", format_table(table));
}

void print_all(engine::Engine& engine) {
  const auto records = engine.records.all();
  print_images(engine, records);
  Table containers{{"CONTAINER ID", "IMAGE", "SIZE", "CREATED", "NAMES"}};
  for (const engine::Record& record : records) {
    containers.push_back({image::short_id(record.id), image::short_id(record.image),
                          human_size(container_size(engine, record)),
                          human_duration(std::time(nullptr) - record.created / 1'000'000'000) + " ago", record.name});
  }
  fmt::print("\nContainers space usage:\n\n{}", format_table(containers));
  Table volumes{{"VOLUME NAME", "SIZE"}};
  for (const std::string& name : volumes_of(engine)) {
    volumes.push_back({name, human_size(kernel::tree_size(engine.volumes_dir() + "/" + name))});
  }
  fmt::print("\nLocal Volumes space usage:\n\n{}", format_table(volumes));
}

}  // namespace

int system_df(const Door& door, std::vector<std::string> words) {
  Options options(
      "system df", "[OPTIONS]",
      "Tell what images, containers and volumes take of the disk. Images count unpacked and as they travel.");
  bool all = false;
  options.flag('v', "verbose", "Each image, container and volume", all);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw Error("read the word " + words[0], 0, "see coracle system df --help");
  engine::Engine engine(door.roots);
  sweep(engine);
  all ? print_all(engine) : print_summary(engine);
  return 0;
}

}  // namespace coracle::cli
