// What steps of builds have come to: a row for each, by a digest of all that the step was made of.
#pragma once

#include <optional>
#include <string>

#include "image/database.hpp"
#include "image/manifest.hpp"

namespace coracle::build {

struct Step {
  std::string created;      // RFC 3339
  std::string diff_id;      // of the layer that it made; "" for none
  image::Descriptor layer;  // the same as it travels
};

// Nothing when the step was not made yet, or its layer is not in the store any more.
std::optional<Step> find_step(image::Database& database, const std::string& key);

void keep_step(image::Database& database, const std::string& key, const Step& step);

}  // namespace coracle::build
