#include "build/cache.hpp"

namespace coracle::build {

std::optional<Step> find_step(image::Database& database, const std::string& key) {
  image::Statement row = database.prepare(
      "SELECT created, steps.diff_id, blob, media_type, coalesce(blobs.size, 0) FROM steps"
      " LEFT JOIN blobs ON blobs.digest=blob LEFT JOIN layers ON layers.diff_id=steps.diff_id"
      " WHERE key=? AND (steps.diff_id='' OR (blobs.digest IS NOT NULL AND layers.diff_id IS NOT NULL))");
  if (!row.bind(key).step()) return std::nullopt;
  Step step{.created = row.text(0), .diff_id = row.text(1)};
  step.layer.digest = row.text(2);
  step.layer.media_type = row.text(3);
  step.layer.size = static_cast<std::uint64_t>(row.number(4));
  return step;
}

void keep_step(image::Database& database, const std::string& key, const Step& step) {
  image::Statement row = database.prepare("INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?)");
  row.bind(key).bind(step.created).bind(step.diff_id).bind(step.layer.digest).bind(step.layer.media_type).step();
}

}  // namespace coracle::build
