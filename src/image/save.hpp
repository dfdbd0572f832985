// Images into a file. The same images give the same bytes, whoever writes them and whenever.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/reference.hpp"
#include "image/store.hpp"

namespace coracle::image {

enum class SaveFormat {
  docker_archive,  // a tar that docker load takes, and is an OCI layout besides
  oci,             // a tar of an OCI layout
  oci_dir,         // an OCI layout
};

struct SaveRequest {
  std::vector<std::string> images;  // names, ids; a repository without a tag stands for all its tags
  SaveFormat format = SaveFormat::docker_archive;
  std::string path;  // "" is stdout
  // Called often; what it throws ends the work.
  std::function<void()> go_on = [] {};
};

// What is at `path` is replaced when all has been written, and not touched when something fails. Throws Error when an
// image is not there, a blob is damaged, or, for a layout, `path` is there already.
void save(Store& store, const SaveRequest& request);

}  // namespace coracle::image
