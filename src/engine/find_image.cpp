#include "engine/find_image.hpp"

#include "kernel/error.hpp"

namespace coracle::engine {
namespace {

// A configuration says nothing of variants.
bool is_for(const image::Config& config, const std::optional<image::Platform>& platform) {
  return !platform || (config.os == platform->os && config.architecture == platform->architecture);
}

}  // namespace

image::Image find_image(Engine& engine, const RunOptions& options) {
  if (auto image = engine.store.look_up(options.image); image && is_for(image->config, options.platform)) {
    return *std::move(image);
  }
  if (options.bring_image) options.bring_image();
  image::Image image = engine.store.find(options.image);
  if (is_for(image.config, options.platform)) return image;
  throw kernel::Error("find the image " + options.image + " for " + options.platform->text(), 0,
                      "the one here is for " + image.config.os + "/" + image.config.architecture);
}

}  // namespace coracle::engine
