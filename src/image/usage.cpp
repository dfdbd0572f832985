#include "image/usage.hpp"

namespace coracle::image {
namespace {

std::uint64_t number(Database& database, const std::string& sql) {
  Statement statement = database.prepare(sql);
  statement.step();
  return static_cast<std::uint64_t>(statement.number(0));
}

}  // namespace

Usage usage(Database& database) {
  const std::string used = " IN (SELECT image FROM containers)";
  return {.images = number(database, "SELECT count(*) FROM images"),
          .used_images = number(database, "SELECT count(*) FROM images WHERE id" + used),
          .bytes = number(database, "SELECT coalesce(sum(size), 0) FROM layers") +
                   number(database, "SELECT coalesce(sum(size), 0) FROM blobs"),
          .used_bytes = number(database,
                               "SELECT coalesce(sum(size), 0) FROM layers WHERE diff_id IN"
                               " (SELECT diff_id FROM image_layers WHERE image" +
                                   used + ")") +
                        number(database,
                               "SELECT coalesce(sum(size), 0) FROM blobs WHERE digest IN (SELECT digest FROM manifests"
                               " WHERE image" +
                                   used +
                                   " UNION SELECT blob FROM manifest_blobs JOIN manifests ON digest=manifest"
                                   " WHERE image" +
                                   used + ")")};
}

std::uint64_t shared_bytes(Database& database, const std::string& id) {
  Statement statement = database.prepare(
      "SELECT coalesce(sum(size), 0) FROM layers WHERE diff_id IN (SELECT diff_id FROM image_layers WHERE image=?1)"
      " AND diff_id IN (SELECT diff_id FROM image_layers WHERE image<>?1)");
  statement.bind(id).step();
  return static_cast<std::uint64_t>(statement.number(0));
}

std::vector<std::uint64_t> layer_sizes(Database& database, const std::vector<std::string>& diff_ids) {
  std::vector<std::uint64_t> sizes;
  for (const std::string& diff_id : diff_ids) {
    Statement statement = database.prepare("SELECT size FROM layers WHERE diff_id=?");
    sizes.push_back(statement.bind(diff_id).step() ? static_cast<std::uint64_t>(statement.number(0)) : 0);
  }
  return sizes;
}

}  // namespace coracle::image
