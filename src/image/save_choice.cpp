#include "image/save_choice.hpp"

#include <algorithm>

#include "image/digest.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

std::vector<std::string> tags_of(Store& store, const std::string& repository) {
  std::vector<std::string> names;
  for (const Listed& listed : store.list()) {
    if (listed.repository == repository && !listed.tag.empty()) names.push_back(listed.repository + ":" + listed.tag);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_repository(const std::string& name) {
  return name.find('@') == std::string::npos && name.find(':', name.rfind('/') + 1) == std::string::npos;
}

class Choice {
 public:
  explicit Choice(Store& store) : store_(store) {}

  void add(const std::string& name) {
    if (!is_digest(name) && is_repository(name)) {
      try {
        const std::vector<std::string> tags = tags_of(store_, familiar(parse_reference(name).repository()));
        for (const std::string& tag : tags) add_one(tag, tag);
        if (!tags.empty()) return;
      } catch (const Error&) {  // an id cannot be a name
      }
    }
    const Image image = store_.find(name);
    const bool by_id = image.id.find(name) == 0 || image.id.find("sha256:" + name) == 0;
    add_one(name, by_id ? "" : name);
  }

  std::vector<Chosen> chosen;

 private:
  void add_one(const std::string& name, const std::string& reference) {
    const Image image = store_.find(name);
    const auto same = [&](const Chosen& other) { return other.image.manifest == image.manifest; };
    auto place = std::find_if(chosen.begin(), chosen.end(), same);
    if (place == chosen.end()) place = chosen.insert(chosen.end(), {image, {}});
    if (reference.empty()) return;
    const Reference parsed = parse_reference(reference);
    const auto equal = [&](const Reference& other) { return other.text() == parsed.text(); };
    if (!parsed.tag.empty() && std::none_of(place->names.begin(), place->names.end(), equal)) {
      place->names.push_back(parsed);
    }
  }

  Store& store_;
};

}  // namespace

std::vector<Chosen> choose_images(Store& store, const std::vector<std::string>& names) {
  Choice choice(store);
  for (const std::string& name : names) choice.add(name);
  return choice.chosen;
}

}  // namespace coracle::image
