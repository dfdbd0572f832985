// What comes into the store and what goes out of it. Files are moved to their place inside the transaction that speaks
// of them. Whoever is killed between the two has its staging directory there still, and who sweeps that finds the
// files that no row speaks of.
#include <cstdio>
#include <set>

#include <sys/file.h>
#include <unistd.h>

#include "image/digest.hpp"
#include "image/store.hpp"
#include "image/time.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

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

void insert_blob(Database& database, const std::string& digest, std::uint64_t size, const std::string& diff_id) {
  Statement statement = database.prepare("INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)");
  statement.bind(digest).bind(static_cast<std::int64_t>(size)).bind(diff_id).step();
}

void insert_name(Database& database, const std::string& manifest, const Reference& name) {
  if (!name.tag.empty()) {
    Statement statement = database.prepare("INSERT OR REPLACE INTO names VALUES (?, ?, ?)");
    statement.bind(name.repository()).bind(name.tag).bind(manifest).step();
  }
  if (!name.digest.empty()) {
    Statement statement = database.prepare("INSERT OR IGNORE INTO digests VALUES (?, ?, ?)");
    statement.bind(name.repository()).bind(name.digest).bind(manifest).step();
  }
}

// Gives the bytes of the image's layers.
std::uint64_t insert_layers(Database& database, const std::string& image, const Config& config) {
  std::uint64_t size = 0;
  std::int64_t position = 0;
  for (const std::string& diff_id : config.diff_ids) {
    Statement layer = database.prepare("SELECT size FROM layers WHERE diff_id=?");
    if (!layer.bind(diff_id).step()) throw Error("add an image", 0, "its layer " + diff_id + " is not in the store");
    size += static_cast<std::uint64_t>(layer.number(0));
    Statement row = database.prepare("INSERT OR IGNORE INTO image_layers VALUES (?, ?, ?)");
    row.bind(image).bind(position++).bind(diff_id).step();
  }
  return size;
}

}  // namespace

void Store::add_layer(const NewLayer& layer) {
  sync_file_system(root_);
  Database::Transaction transaction(database_);
  move_into_place(layer.directory, layer_path(layer.diff_id));
  move_into_place(layer.blob, blob_path(layer.digest));
  Statement row = database_.prepare("INSERT OR IGNORE INTO layers VALUES (?, ?)");
  row.bind(layer.diff_id).bind(static_cast<std::int64_t>(layer.size)).step();
  insert_blob(database_, layer.digest, layer.blob_size, layer.diff_id);
  transaction.commit();
}

std::string Store::add(const Staging& staging, const NewImage& image, const std::vector<Reference>& names) {
  const Manifest manifest = parse_manifest(image.manifest);
  const Config config = parse_config(image.config);
  const std::string digest = sha256(image.manifest);
  const std::string id = sha256(image.config);
  if (manifest.config.digest != id) throw Error("add an image", 0, "its manifest has another configuration than " + id);
  kernel::create_file(staging.path() + "/manifest", image.manifest, 0600);
  kernel::create_file(staging.path() + "/config", image.config, 0600);
  sync_file_system(staging.path());

  Database::Transaction transaction(database_);
  move_into_place(staging.path() + "/manifest", blob_path(digest));
  move_into_place(staging.path() + "/config", blob_path(id));
  insert_blob(database_, digest, image.manifest.size(), "");
  insert_blob(database_, id, image.config.size(), "");
  const auto size = static_cast<std::int64_t>(insert_layers(database_, id, config));
  Statement row = database_.prepare("INSERT OR IGNORE INTO images VALUES (?, ?, ?)");
  row.bind(id).bind(seconds_of(config.created)).bind(size).step();
  database_.prepare("INSERT OR IGNORE INTO manifests VALUES (?, ?)").bind(digest).bind(id).step();
  std::set<std::string> blobs{id};
  for (const Descriptor& layer : manifest.layers) blobs.insert(layer.digest);
  for (const std::string& blob : blobs) {
    if (!has_blob(blob)) throw Error("add an image", 0, "its blob " + blob + " is not in the store");
    database_.prepare("INSERT OR IGNORE INTO manifest_blobs VALUES (?, ?)").bind(digest).bind(blob).step();
  }
  for (const Reference& name : names) insert_name(database_, digest, name);
  transaction.commit();
  return id;
}

void Store::name(const std::string& manifest, const Reference& name) {
  Database::Transaction transaction(database_);
  insert_name(database_, manifest, name);
  transaction.commit();
}

std::uint64_t Store::collect() {
  // A second manifest of an image, under no name any more, is of no use to anybody.
  constexpr const char* kNoManifest =
      "DELETE FROM manifests WHERE digest NOT IN (SELECT manifest FROM names)"
      " AND digest NOT IN (SELECT manifest FROM digests)"
      " AND EXISTS (SELECT 1 FROM manifests AS other WHERE other.image=manifests.image"
      "             AND (other.digest<manifests.digest OR other.digest IN (SELECT manifest FROM names)"
      "                  OR other.digest IN (SELECT manifest FROM digests)));"
      "DELETE FROM manifest_blobs WHERE manifest NOT IN (SELECT digest FROM manifests);"
      "DELETE FROM image_layers WHERE image NOT IN (SELECT id FROM images);";
  constexpr const char* kLayer = " FROM layers WHERE diff_id NOT IN (SELECT diff_id FROM image_layers)";
  constexpr const char* kBlob =
      " FROM blobs WHERE digest NOT IN (SELECT blob FROM manifest_blobs)"
      " AND digest NOT IN (SELECT digest FROM manifests)";
  std::uint64_t bytes = 0;
  std::optional<Staging> staging = Staging::alone(root_ + "/tmp", [&] {
    Database::Transaction transaction(database_);
    database_.execute(kNoManifest);
    Statement freed = database_.prepare(std::string("SELECT coalesce(sum(size), 0)") + kLayer);
    freed.step();
    bytes = static_cast<std::uint64_t>(freed.number(0));
    database_.execute(std::string("DELETE") + kLayer);
    database_.execute(std::string("DELETE") + kBlob);
    database_.execute("DELETE FROM steps WHERE diff_id<>'' AND diff_id NOT IN (SELECT diff_id FROM layers)");
    transaction.commit();
  });
  if (staging) discard(*staging);
  return bytes;
}

std::uint64_t Store::forget_partial() {
  std::uint64_t bytes = 0;
  const kernel::Fd directory = kernel::open(root_ + "/partial", O_RDONLY | O_DIRECTORY);
  for (const std::string& name : kernel::list(directory)) {
    const kernel::Fd file = kernel::find_in_root(directory, name, O_RDWR | O_NOFOLLOW);
    if (!file || !kernel::lock(file, LOCK_EX | LOCK_NB)) continue;
    bytes += static_cast<std::uint64_t>(kernel::fstatat(file, "")->st_size);
    kernel::remove_tree(directory, name);  // who waits for the lock looks whether the file is still there (claim.cpp)
  }
  return bytes;
}

void Store::discard(Staging& staging) {
  // A layer that travels as a plain tar has the same digest as its blob.
  const auto move_unknown = [&](const std::string& folder, const char* kind, const char* query) {
    for (const std::string& name : kernel::list(kernel::open(root_ + folder, O_RDONLY | O_DIRECTORY))) {
      Statement known = database_.prepare(query);
      if (known.bind("sha256:" + name).step()) continue;
      move_into_place(fmt::format("{}{}/{}", root_, folder, name),
                      fmt::format("{}/unknown-{}-{}", staging.path(), kind, name));
    }
  };
  {
    Database::Transaction transaction(database_);  // in which nobody else is between a rename and its commit
    move_unknown("/layers/sha256", "layer", "SELECT 1 FROM layers WHERE diff_id=?");
    move_unknown("/blobs/sha256", "blob", "SELECT 1 FROM blobs WHERE digest=?");
  }
  staging.remove();
}

void Store::abandon(Staging& staging) noexcept {
  try {
    discard(staging);
  } catch (const Error&) {
  }
}

void Store::sweep() {
  for (Staging& staging : Staging::abandoned(root_ + "/tmp")) discard(staging);
}

}  // namespace coracle::image
