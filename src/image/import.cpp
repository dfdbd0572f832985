#include "image/import.hpp"

#include <ctime>
#include <exception>

#include <sys/stat.h>

#include <fmt/format.h>

#include "image/change.hpp"
#include "image/digest.hpp"
#include "kernel/error.hpp"
#include "parts/unpack.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

std::string rfc3339(std::time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[sizeof "2026-01-01T00:00:00Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

StagedLayer unpack_layer(const std::string& archive, std::string directory, const std::function<void()>& go_on) {
  // The top of the layer may be entered by every user of the container, also when the archive does not say so.
  kernel::make_directories(directory, 0755);
  Sha256 digest;
  std::exception_ptr ended;  // by go_on: that is told as it is, and not as an error in the archive
  parts::UnpackOptions options;
  options.uncompressed = [&](std::string_view bytes) {
    try {
      go_on();
    } catch (...) {
      ended = std::current_exception();
      throw;
    }
    digest.update(bytes);
  };
  try {
    const parts::Unpacked unpacked = parts::unpack(archive, directory, options);
    return {std::move(directory), digest.finish(), unpacked.bytes};
  } catch (...) {
    if (ended) std::rethrow_exception(ended);
    throw;
  }
}

Config changed_config(const ImportRequest& request) {
  Config config;
  config.architecture = host_architecture();
  config.created = rfc3339(std::time(nullptr));
  for (const std::string& change : request.changes) apply_change(config, change);
  return config;
}

std::string make_image(Store& store, const ImportRequest& request, Config config, const Staging& staging) {
  std::vector<StagedLayer> layers;
  for (const std::string& archive : request.archives) {
    layers.push_back(unpack_layer(archive, fmt::format("{}/{}", staging.path(), layers.size()), request.go_on));
    config.diff_ids.push_back(layers.back().diff_id);
    config.history.push_back({.created = config.created, .comment = "Imported from " + archive});
  }
  return store.add(staging, layers, config, request.name);
}

}  // namespace

std::string import_image(Store& store, const ImportRequest& request) {
  const Config config = changed_config(request);  // so that a slip in a change is told before the work is done
  Staging staging = store.stage();
  try {
    std::string id = make_image(store, request, config, staging);
    staging.remove();
    return id;
  } catch (...) {
    try {
      store.discard(staging);
    } catch (const Error&) {
      // The first error counts. What is left here, the next command sweeps.
    }
    throw;
  }
}

}  // namespace coracle::image
