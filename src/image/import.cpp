#include "image/import.hpp"

#include "image/change.hpp"
#include "image/digest.hpp"
#include "image/layer.hpp"
#include "image/time.hpp"

namespace coracle::image {
namespace {

Config changed_config(const ImportRequest& request) {
  Config config;
  config.architecture = host_architecture();
  config.created = rfc3339(time_of_making());
  for (const std::string& change : request.changes) apply_change(config, change);
  return config;
}

std::string make_image(Store& store, const ImportRequest& request, Config config, const Staging& staging) {
  const auto progress = [&](const Descriptor&, std::uint64_t, std::uint64_t) { request.go_on(); };
  std::vector<StagedLayer> layers;
  for (const std::string& archive : request.archives) {
    layers.push_back(stage_layer(staging, parts::bytes_of(archive), archive, progress));
    config.diff_ids.push_back(layers.back().layer.diff_id);
    config.history.push_back({.created = config.created, .comment = "Imported from " + archive});
  }
  return add_image(store, staging, layers, {}, config, {request.name});
}

}  // namespace

std::string import_image(Store& store, const ImportRequest& request) {
  const Config config = changed_config(request);  // so that a slip in a change is told before the work is done
  return store.staged([&](const Staging& staging) { return make_image(store, request, config, staging); });
}

}  // namespace coracle::image
