#include "image/save.hpp"

#include <map>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "image/beside.hpp"
#include "image/digest.hpp"
#include "image/save_choice.hpp"
#include "image/save_target.hpp"
#include "kernel/inode.hpp"
#include "kernel/recorder.hpp"

namespace coracle::image {
namespace {

using Json = nlohmann::json;
using kernel::Error;

// Sorted, as they stand in the tar: a name, and the text, or none for a blob of that digest.
using Contents = std::map<std::string, std::string>;

std::string blob_name(const std::string& digest) { return "blobs/sha256/" + hex_of(digest); }

// As docker writes it: the tag in one annotation, the whole name in another.
Descriptor index_entry(const Manifest& manifest, const Chosen& chosen, std::uint64_t size, const Reference* name) {
  Descriptor entry{.media_type = manifest.media_type, .digest = chosen.image.manifest, .size = size};
  if (name != nullptr) {
    entry.name = name->tag;
    entry.full_name = name->repository() + ":" + name->tag;
  }
  return entry;
}

Json docker_entry(const Manifest& manifest, const Chosen& chosen) {
  Json entry = {{"Config", blob_name(manifest.config.digest)}, {"RepoTags", nullptr}, {"Layers", Json::array()}};
  for (const Reference& name : chosen.names) entry["RepoTags"].push_back(name.text());
  for (const Descriptor& layer : manifest.layers) entry["Layers"].push_back(blob_name(layer.digest));
  return entry;
}

Contents contents_of(Store& store, const std::vector<Chosen>& all, SaveFormat format) {
  Contents contents;
  Index index{.media_type = kOciIndex};
  Json docker = Json::array();
  for (const Chosen& chosen : all) {
    const std::string text = store.document(chosen.image.manifest);
    const Manifest manifest = parse_manifest(text);
    contents[blob_name(chosen.image.manifest)];
    contents[blob_name(manifest.config.digest)];
    for (const Descriptor& layer : manifest.layers) contents[blob_name(layer.digest)];
    for (const Reference& name : chosen.names) {
      index.manifests.push_back(index_entry(manifest, chosen, text.size(), &name));
    }
    if (chosen.names.empty()) index.manifests.push_back(index_entry(manifest, chosen, text.size(), nullptr));
    docker.push_back(docker_entry(manifest, chosen));
  }
  contents["index.json"] = to_json(index);
  contents["oci-layout"] = R"({"imageLayoutVersion":"1.0.0"})";
  if (format == SaveFormat::docker_archive) contents["manifest.json"] = docker.dump();
  return contents;
}

// A blob that was damaged on our disk goes no further.
void write_blob(const Store& store, const std::string& name, Target& target, const SaveRequest& request) {
  const std::string digest = "sha256:" + name.substr(name.rfind('/') + 1);
  const kernel::Fd file = kernel::open(store.blob_path(digest), O_RDONLY);
  target.begin(name, static_cast<std::uint64_t>(kernel::fstatat(file, "")->st_size));
  std::vector<char> buffer(1U << 20U);
  Sha256 hash;
  while (true) {
    request.go_on();
    const auto count = static_cast<std::size_t>(
        kernel::attempt([&] { return ::read(file.get(), buffer.data(), buffer.size()); }, "read {}", digest));
    if (count == 0) break;
    hash.update({buffer.data(), count});
    target.write({buffer.data(), count});
  }
  if (hash.finish() != digest) {
    throw Error("verify the blob " + digest, 0, "its content is another: it was damaged on the disk");
  }
}

void write_contents(const Store& store, const Contents& contents, Target& target, const SaveRequest& request) {
  for (const auto& [name, text] : contents) {
    if (text.empty()) {
      write_blob(store, name, target, request);
    } else {
      target.begin(name, text.size());
      target.write(text);
    }
  }
  target.finish();
}

void write_to(const Store& store, const Contents& contents, const SaveRequest& request) {
  if (request.format != SaveFormat::oci_dir) {
    return write_whole(request.path, [&](const kernel::Fd& file) {
      write_contents(store, contents, *make_tar_target(file), request);
    });
  }
  if (kernel::exists(request.path)) throw Error("write a layout to " + request.path, EEXIST);
  const Beside beside(request.path);
  write_contents(store, contents, *make_directory_target(beside.place()), request);
  beside.take_the_name();
}

}  // namespace

void save(Store& store, const SaveRequest& request) {
  store.staged([&](const Staging&) {  // so that nothing of it is removed meanwhile
    write_to(store, contents_of(store, choose_images(store, request.images), request.format), request);
  });
}

}  // namespace coracle::image
