#include "image/store.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <sys/stat.h>
#include <unistd.h>

#include "image/digest.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"
#include "launch/rootless.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

constexpr const char* kDirectories[] = {"/blobs/sha256", "/layers/sha256", "/tmp"};

// Moves what has been made to its place; false when that is taken, by the same content.
bool move_into_place(const std::string& from, const std::string& to) {
  if (kernel::note_call([&] { return std::rename(from.c_str(), to.c_str()); }, "rename {} to {}", from, to) == 0) {
    return true;
  }
  if (errno != EEXIST && errno != ENOTEMPTY) throw Error("rename " + from + " to " + to, errno);
  return false;
}

// What has been written is on the disk before its name says that it is complete.
void sync_file_system(const std::string& path) {
  const kernel::Fd directory = kernel::open(path, O_RDONLY | O_DIRECTORY);
  kernel::attempt([&] { return ::syncfs(directory.get()); }, "syncfs {}", path);
}

}  // namespace

Store::Store(std::string root, Database& database) : root_(std::move(root)), database_(database) {
  if (kernel::exists(root_ + "/tmp")) return;
  for (const char* directory : kDirectories) kernel::make_directories(root_ + directory, 0700);
}

Image Store::find(const std::string& name) {
  Image image;
  image.id = find_id(name);
  image.config = parse_config(kernel::read_file(blob_path(image.id)));
  return image;
}

std::string Store::find_id(const std::string& name) {
  const bool hex = name.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_digest(name) && !(hex && name.size() == 64)) {
    const Reference reference = parse_reference(name);
    Statement by_name = database_.prepare("SELECT image FROM names WHERE repository=? AND tag=?");
    if (by_name.bind(reference.repository).bind(reference.tag).step()) return by_name.text(0);
  }
  if (hex || is_digest(name)) {
    Statement by_id = database_.prepare("SELECT id FROM images WHERE substr(id, 1, length(?1))=?1 LIMIT 2");
    if (by_id.bind(is_digest(name) ? name : "sha256:" + name).step()) {
      std::string id = by_id.text(0);
      if (!by_id.step()) return id;
      throw Error("find the image " + name, 0, "more than one id begins like this; give more of it");
    }
  }
  throw Error("find the image " + name, 0,
              "there is no such image here; `coracle images` lists those that are, `coracle import` makes one");
}

std::vector<std::string> Store::layer_directories(const Config& config) const {
  std::vector<std::string> directories;
  for (const std::string& diff_id : config.diff_ids) {
    const std::string directory = layer_path(diff_id);
    if (!kernel::exists(directory)) {
      throw Error("find the layer " + diff_id, ENOENT, directory + " has been removed; import the image again");
    }
    // overlayfs refuses a directory that is there twice. The upper one hides what the lower one would show.
    directories.erase(std::remove(directories.begin(), directories.end(), directory), directories.end());
    directories.push_back(directory);
  }
  return directories;
}

std::vector<Listed> Store::list() {
  Statement statement = database_.prepare(
      "SELECT coalesce(repository, ''), coalesce(tag, ''), id, created, size FROM images"
      " LEFT JOIN names ON names.image=images.id ORDER BY created DESC, repository, tag");
  std::vector<Listed> images;
  while (statement.step()) {
    images.push_back({statement.text(0), statement.text(1), statement.text(2), statement.number(3),
                      static_cast<std::uint64_t>(statement.number(4))});
  }
  return images;
}

std::string Store::add(const Staging& staging, const std::vector<StagedLayer>& layers, const Config& config,
                       const Reference& name) {
  const std::string json = to_json(config);
  std::string id = sha256(json);
  const std::string blob = staging.path() + "/config";
  kernel::create_file(blob, json, 0600);
  sync_file_system(staging.path());

  Database::Transaction transaction(database_);
  std::uint64_t size = 0;
  for (const StagedLayer& layer : layers) {
    move_into_place(layer.path, layer_path(layer.diff_id));
    const auto bytes = static_cast<std::int64_t>(layer.size);
    database_.prepare("INSERT OR IGNORE INTO layers VALUES (?, ?)").bind(layer.diff_id).bind(bytes).step();
    size += layer.size;
  }
  move_into_place(blob, blob_path(id));
  database_.prepare("INSERT OR IGNORE INTO images VALUES (?, ?, ?)")
      .bind(id)
      .bind(std::time(nullptr))
      .bind(static_cast<std::int64_t>(size))
      .step();
  database_.prepare("INSERT OR REPLACE INTO names VALUES (?, ?, ?)")
      .bind(name.repository)
      .bind(name.tag)
      .bind(id)
      .step();
  transaction.commit();
  return id;
}

// A maker that was killed between its first rename and its commit left things in the store that no row speaks of.
// They are moved out of the way inside a transaction, in which nobody else can be between the two.
void Store::discard(Staging& staging) {
  const auto move_unknown = [&](const std::string& folder, const char* query) {
    for (const std::string& name : kernel::list(kernel::open(root_ + folder, O_RDONLY | O_DIRECTORY))) {
      Statement known = database_.prepare(query);
      if (known.bind("sha256:" + name).step()) continue;
      move_into_place(fmt::format("{}{}/{}", root_, folder, name), fmt::format("{}/unknown-{}", staging.path(), name));
    }
  };
  {
    Database::Transaction transaction(database_);
    move_unknown("/layers/sha256", "SELECT 1 FROM layers WHERE diff_id=?");
    move_unknown("/blobs/sha256", "SELECT 1 FROM images WHERE id=?");
  }
  staging.remove();
}

void Store::sweep() {
  for (Staging& staging : Staging::abandoned(root_ + "/tmp")) discard(staging);
}

std::string Store::blob_path(const std::string& digest) const { return root_ + "/blobs/sha256/" + hex_of(digest); }

std::string Store::layer_path(const std::string& diff_id) const { return root_ + "/layers/sha256/" + hex_of(diff_id); }

std::string default_root() {
  const char* chosen = std::getenv("CORACLE_ROOT");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  return launch::rootless() ? launch::user_data_home() + "/coracle" : "/var/lib/coracle";
}

void make_root(const std::string& root) {
  if (root.empty() || root[0] != '/')
    throw Error("use " + root + " as the data root", 0, "it must be an absolute path");
  struct stat status {};
  if (::stat(root.c_str(), &status) != 0) kernel::make_directories(root, 0700);
  kernel::attempt([&] { return ::stat(root.c_str(), &status); }, "stat {}", root);
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022U) != 0) {
    throw Error("use " + root + " as the data root", 0,
                "it is not a directory that this user alone can write to; name another in CORACLE_ROOT");
  }
}

}  // namespace coracle::image
