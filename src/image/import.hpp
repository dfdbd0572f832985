// Images made of archives: each archive becomes one layer, changes say how a container of it starts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/reference.hpp"
#include "image/store.hpp"

namespace coracle::image {

struct ImportRequest {
  std::vector<std::string> archives;  // the lowest first
  std::vector<std::string> changes;   // change.hpp
  Reference name;
  // Called often while archives are read, from another thread; what it throws ends the import.
  std::function<void()> go_on = [] {};
};

// Gives the image's id. When it throws, the store is as it was.
std::string import_image(Store& store, const ImportRequest& request);

}  // namespace coracle::image
