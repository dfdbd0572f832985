// Lesson 5: the root is a stack of layers, and what the program changes in it goes into a layer of its own.
#include <cstdio>

#include "kernel/recorder.hpp"
#include "lesson.hpp"
#include "parts/cgroup.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"
#include "parts/unpack.hpp"

using namespace coracle;

namespace {

// A part of this lesson alone: unpacks the archives for one start. Chapter 10 has a store for them, which is filled
// once.
class UnpackedLayers final : public parts::Part {
 public:
  explicit UnpackedLayers(std::vector<std::string> archives) : archives_(std::move(archives)) {}

  parts::Stage stage() const override { return parts::Stage::layers; }
  const char* name() const override { return "unpack"; }

  static std::string directory(const std::string& run_dir, std::size_t number) {
    return run_dir + "/layer-" + std::to_string(number);
  }

  void prepare(parts::Context& context) override {
    const kernel::Unrecorded unrecorded;
    for (std::size_t number = 0; number < archives_.size(); ++number) {
      kernel::make_directories(directory(context.run_dir, number));
      parts::unpack(archives_[number], directory(context.run_dir, number));
    }
  }

 private:
  std::vector<std::string> archives_;  // what they become is below run_dir, which the launch removes
};

void show(const std::vector<parts::Change>& changes) {
  for (const parts::Change& change : changes) std::fprintf(stderr, "%c %s\n", change.kind, change.path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Lesson lesson("05-layers", "Run a program in a stack of layers", "");
  std::vector<std::string> archives;
  std::vector<parts::Change> changes;
  bool show_diff = false;
  lesson.add_words("--layer", archives, "A layer archive; the lowest first, more on top of it")->required();
  lesson.app.add_flag("--show-diff", show_diff, "List in the end what the program changed");

  const int status = lesson.run(argc, argv, [&](parts::Parts& parts) {
    parts::LayerOptions layers;
    for (std::size_t number = 0; number < archives.size(); ++number) {
      layers.lower.push_back(UnpackedLayers::directory(launch::default_run_root() + "/" + lesson.id, number));
    }
    parts.push_back(parts::make_namespaces({}));
    parts.push_back(parts::make_cgroup({}));
    parts.push_back(std::make_unique<UnpackedLayers>(archives));
    parts.push_back(parts::make_layers(layers, show_diff ? &changes : nullptr));
    parts.push_back(parts::make_mounts());
    parts.push_back(parts::make_root({}));
  });
  show(changes);
  return status;
}
