// Lesson 10: the root comes out of an image, and so does what to run in it and how.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "image/digest.hpp"
#include "image/layout.hpp"
#include "kernel/error.hpp"
#include "launch/rootless.hpp"
#include "lesson.hpp"
#include "parts/cgroup.hpp"
#include "parts/confine.hpp"
#include "parts/layers.hpp"
#include "parts/mounts.hpp"
#include "parts/namespaces.hpp"
#include "parts/root.hpp"
#include "parts/terminal.hpp"

using namespace coracle;

namespace {

void show(const char* what, const image::Descriptor& blob, const std::string& more) {
  fmt::print(stderr, "{:<9} {} {:>8} {}\n", what, blob.digest, blob.size, kernel::printable(more));
}

// The image of that name; without one, the only image there is.
image::Offered find_image(const image::Files& files, const std::string& name) {
  std::vector<image::Offered> images = image::read_layout(files, std::nullopt);
  const auto has_name = [&](const image::Reference& one) { return one.text() == image::parse_reference(name).text(); };
  std::string names;
  for (image::Offered& image : images) {
    const bool wanted =
        name.empty() ? images.size() == 1 : std::any_of(image.names.begin(), image.names.end(), has_name);
    if (wanted) return std::move(image);
    for (const image::Reference& one : image.names) names += " " + one.text();
  }
  throw kernel::Error("find the image " + name, 0, "choose one with --image:" + names);
}

// Index, manifest, configuration, layers: each names the next by its digest.
void show_image(const image::Files& files, const image::Offered& offered, image::Store& store) {
  for (const image::Descriptor& image : image::parse_index(files.read("index.json")).manifests) {
    show("index", image, image.full_name.empty() ? image.name : image.full_name);
  }
  const image::Manifest manifest = image::parse_manifest(offered.manifest);
  show("manifest", {.digest = image::sha256(offered.manifest), .size = offered.manifest.size()}, "");
  const auto blob = [&](const image::Descriptor& of) {
    return image::bytes_of(files.get("blobs/sha256/" + image::hex_of(of.digest)));
  };
  const image::Config config = image::parse_config(image::read_document(blob(manifest.config), manifest.config));
  std::vector<std::string> command = config.entrypoint;
  command.insert(command.end(), config.cmd.begin(), config.cmd.end());
  show("config", manifest.config, fmt::format("{}", fmt::join(command, " ")));
  for (const image::Descriptor& layer : manifest.layers) {
    show("layer", layer, store.layer_of(layer.digest) ? "here already" : "new");
  }
}

void use_config(const image::Config& config, launch::Process& process) {
  const std::vector<std::string>& command = process.args.empty() ? config.cmd : process.args;
  std::vector<std::string> args = config.entrypoint;
  args.insert(args.end(), command.begin(), command.end());
  process.args = args;
  process.env = config.env;
  process.cwd = config.working_dir;
  process.user = config.user;
}

}  // namespace

int main(int argc, char** argv) {
  Lesson lesson("10-images", "Run the image that lies in an OCI layout", "LAYOUT");
  std::string layout, name, store_path = "store";
  bool quiet = false;
  lesson.app.add_option("LAYOUT", layout, "A directory with oci-layout, index.json and blobs")->required();
  lesson.app.add_option("--image", name, "Which one, when there are several");
  lesson.app.add_option("--store", store_path, "Where layers are kept (store)");
  lesson.app.add_flag("-q,--quiet", quiet, "Do not show what the image is made of");
  lesson.app.add_flag("-t,--terminal", lesson.terminal, "A terminal of its own; the keys reach it through ours");

  return lesson.run(argc, argv, [&](parts::Parts& parts) {
    launch::become_root_inside("10-images");  // the owners of files in layers are the container's
    const auto files = image::open_directory(layout);
    const image::Offered offered = find_image(*files, name);
    const std::string root = std::filesystem::absolute(store_path);
    image::make_root(root);
    image::Database database(root);
    image::Store store(root, database);
    store.sweep();
    if (!quiet) show_image(*files, offered, store);
    image::FileBlobs blobs(*files, offered);
    const image::Image image = store.find(image::ingest(store, blobs, offered.manifest, {}));
    use_config(image.config, lesson.process);

    parts::ConfineOptions confinement = parts::docker_confinement();
    confinement.cache_dir = launch::default_run_root() + "/seccomp";
    parts::CgroupLimits limits;
    limits.devices = parts::default_device_rules();
    if (lesson.terminal) parts.push_back(parts::make_terminal(lesson.console));
    parts.push_back(parts::make_confine(confinement));
    parts.push_back(parts::make_namespaces({}));
    parts.push_back(parts::make_cgroup(limits));
    parts.push_back(parts::make_layers({.lower = store.layer_directories(image.config)}));
    parts.push_back(parts::make_mounts());
    parts.push_back(parts::make_root({}));
  });
}
