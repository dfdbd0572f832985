// Which images are meant by the words of `save`.
#pragma once

#include <string>
#include <vector>

#include "image/reference.hpp"
#include "image/store.hpp"

namespace coracle::image {

struct Chosen {
  Image image;
  std::vector<Reference> names;  // that it is saved under
};

// In the order in which they are asked for: names, ids; a repository without a tag stands for all its tags. One that is
// asked for under two names is there once, with both; one that is asked for by its id has none. Throws Error when one
// is not there.
std::vector<Chosen> choose_images(Store& store, const std::vector<std::string>& names);

}  // namespace coracle::image
