#include "image/store.hpp"

#include <algorithm>
#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include "image/digest.hpp"
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "launch/rootless.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

constexpr const char* kDirectories[] = {"/blobs/sha256", "/layers/sha256", "/partial", "/tmp"};

[[noreturn]] void none(const std::string& name) {
  throw Error("find the image " + name, 0,
              "there is no such image here; `coracle images` lists those that are, `coracle pull` fetches one");
}

}  // namespace

Store::Store(std::string root, Database& database) : root_(std::move(root)), database_(database) {
  if (kernel::exists(root_ + "/tmp")) return;
  for (const char* directory : kDirectories) kernel::make_directories(root_ + directory, 0700);
}

Image Store::find(const std::string& name) {
  if (auto image = look_up(name)) return *std::move(image);
  none(name);
}

std::string Store::find_id(const std::string& name) {
  if (const auto found = locate(name)) return found->id;
  none(name);
}

std::optional<Image> Store::look_up(const std::string& name) {
  const auto found = locate(name);
  if (!found) return std::nullopt;
  try {
    return Image{found->id, parse_config(document(found->id)), found->manifest};
  } catch (const Error& error) {
    if (error.code() == ENOENT && !locate(name)) return std::nullopt;  // it has been removed meanwhile
    throw;
  }
}

std::optional<Store::Found> Store::locate(const std::string& name) {
  const bool hex = name.find_first_not_of("0123456789abcdef") == std::string::npos;
  std::optional<Found> found;
  if (!is_digest(name) && !(hex && name.size() == 64)) found = by_name(name);
  if (!found && (hex || is_digest(name))) found = by_id(name);
  return found;
}

std::optional<Store::Found> Store::by_name(const std::string& name) {
  const Reference reference = parse_reference(name);
  const bool digest = !reference.digest.empty();
  Statement statement = database_.prepare(
      digest ? "SELECT image, manifest FROM digests JOIN manifests ON manifests.digest=manifest"
               " WHERE repository=? AND digests.digest=?"
             : "SELECT image, manifest FROM names JOIN manifests ON digest=manifest WHERE repository=? AND tag=?");
  if (!statement.bind(reference.repository()).bind(digest ? reference.digest : reference.tag).step()) {
    return std::nullopt;
  }
  return Found{statement.text(0), statement.text(1)};
}

std::optional<Store::Found> Store::by_id(const std::string& name) {
  Statement statement = database_.prepare(
      "SELECT image, min(digest) FROM manifests WHERE substr(image, 1, length(?1))=?1 GROUP BY image LIMIT 2");
  if (!statement.bind(is_digest(name) ? name : "sha256:" + name).step()) return std::nullopt;
  Found found{statement.text(0), statement.text(1)};
  if (!statement.step()) return found;
  throw Error("find the image " + name, 0, "more than one id begins like this; give more of it");
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

// An image without a tag is listed once, under what it was pulled as, or under no name.
std::vector<Listed> Store::list() {
  Statement statement = database_.prepare(
      "SELECT repository, tag, images.id, manifests.digest, created, size, (SELECT digests.digest FROM digests"
      " WHERE digests.repository=names.repository AND digests.manifest=names.manifest) FROM names"
      " JOIN manifests ON manifests.digest=names.manifest JOIN images ON images.id=manifests.image "
      "UNION ALL "
      "SELECT coalesce((SELECT repository FROM digests WHERE digests.manifest=manifests.digest), ''), '', images.id,"
      " min(manifests.digest), created, size, (SELECT digests.digest FROM digests WHERE"
      " digests.manifest=manifests.digest) FROM images JOIN manifests ON manifests.image=images.id"
      " WHERE NOT EXISTS (SELECT 1 FROM names JOIN manifests AS named ON named.digest=names.manifest"
      "                   WHERE named.image=images.id) GROUP BY images.id "
      "ORDER BY 5 DESC, 1, 2");
  std::vector<Listed> images;
  while (statement.step()) {
    images.push_back({familiar(statement.text(0)), statement.text(1), statement.text(2), statement.text(3),
                      statement.text(6), statement.number(4), static_cast<std::uint64_t>(statement.number(5))});
  }
  return images;
}

bool Store::has_blob(const std::string& digest) {
  return database_.prepare("SELECT 1 FROM blobs WHERE digest=?").bind(digest).step();
}

std::optional<std::string> Store::layer_of(const std::string& digest) {
  Statement statement = database_.prepare("SELECT diff_id FROM blobs WHERE digest=? AND diff_id<>''");
  if (!statement.bind(digest).step()) return std::nullopt;
  return statement.text(0);
}

std::vector<std::string> Store::repositories_with(const std::string& blob, const std::string& host) {
  Statement statement = database_.prepare(
      "SELECT DISTINCT repository FROM digests JOIN manifest_blobs ON manifest_blobs.manifest=digests.manifest"
      " WHERE blob=? AND substr(repository, 1, length(?2))=?2 ORDER BY 1");
  statement.bind(blob).bind(host + "/");
  std::vector<std::string> repositories;
  while (statement.step()) repositories.push_back(statement.text(0));
  return repositories;
}

std::string Store::document(const std::string& digest) const {
  return kernel::read_file(blob_path(digest), kMostDocument);
}

Claim Store::claim(const std::string& digest, const std::function<void()>& waiting) const {
  return Claim(root_ + "/partial/" + hex_of(digest), waiting);
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
