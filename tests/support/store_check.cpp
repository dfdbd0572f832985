#include "support/store_check.hpp"

#include <set>

#include <fmt/format.h>

#include "image/digest.hpp"
#include "image/store.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"

namespace coracle::test {
namespace {

using Names = std::set<std::string>;

Names files(const std::string& directory) {
  const auto names = kernel::list(kernel::open(directory, O_RDONLY | O_DIRECTORY));
  Names all;
  for (const std::string& name : names) all.insert("sha256:" + name);
  return all;
}

class Check {
 public:
  explicit Check(const std::string& root) : root_(root), database_(root), store_(root, database_) {}

  std::vector<std::string> run() {
    same("blobs", files(root_ + "/blobs/sha256"), column("SELECT digest FROM blobs"));
    same("layers", files(root_ + "/layers/sha256"), column("SELECT diff_id FROM layers"));
    for (const std::string& blob : column("SELECT digest FROM blobs")) content(blob);
    within("names", "SELECT manifest FROM names", "SELECT digest FROM manifests");
    within("digests", "SELECT manifest FROM digests", "SELECT digest FROM manifests");
    within("manifests", "SELECT image FROM manifests", "SELECT id FROM images");
    within("images", "SELECT id FROM images", "SELECT image FROM manifests");
    within("manifests' blobs", "SELECT digest FROM manifests", "SELECT digest FROM blobs");
    within("images' blobs", "SELECT id FROM images", "SELECT digest FROM blobs");
    within("manifest_blobs", "SELECT blob FROM manifest_blobs", "SELECT digest FROM blobs");
    within("manifest_blobs", "SELECT manifest FROM manifest_blobs", "SELECT digest FROM manifests");
    within("image_layers", "SELECT diff_id FROM image_layers", "SELECT diff_id FROM layers");
    within("image_layers", "SELECT image FROM image_layers", "SELECT id FROM images");
    within("layers' blobs", "SELECT diff_id FROM blobs WHERE diff_id<>''", "SELECT diff_id FROM layers");
    if (!files(root_ + "/tmp").empty()) wrong_.emplace_back("something is left in tmp");
    return wrong_;
  }

 private:
  Names column(const std::string& query) {
    Names values;
    image::Statement statement = database_.prepare(query);
    while (statement.step()) values.insert(statement.text(0));
    return values;
  }

  void same(const char* what, const Names& there, const Names& known) {
    for (const std::string& name : there) {
      if (known.count(name) == 0) wrong_.push_back(fmt::format("{}: {} has no row", what, name));
    }
    for (const std::string& name : known) {
      if (there.count(name) == 0) wrong_.push_back(fmt::format("{}: {} has no file", what, name));
    }
  }

  void within(const char* what, const std::string& some, const std::string& all) {
    const Names known = column(all);
    for (const std::string& name : column(some)) {
      if (known.count(name) == 0) wrong_.push_back(fmt::format("{}: {} is not in \"{}\"", what, name, all));
    }
  }

  void content(const std::string& blob) {
    const std::string path = store_.blob_path(blob);
    if (!kernel::exists(path)) return;
    if (image::sha256(kernel::read_file(path, 1U << 30U)) != blob) wrong_.push_back(blob + " has another content");
  }

  std::string root_;
  image::Database database_;
  image::Store store_;
  std::vector<std::string> wrong_;
};

}  // namespace

std::vector<std::string> check_store(const std::string& root) { return Check(root).run(); }

}  // namespace coracle::test
