#include "image/save.hpp"

#include <cstdio>
#include <map>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

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

// A name beside `path`, on the same file system, that nobody else has: mkdtemp(3) made it.
class Beside {
 public:
  explicit Beside(const std::string& path)
      : path_(path.substr(0, path.find_last_not_of('/') + 1)), directory_(path_ + ".XXXXXX") {
    kernel::attempt([&] { return mkdtemp(directory_.data()) != nullptr ? 0 : -1; }, "mkdtemp {}", directory_);
  }
  ~Beside() {
    try {
      kernel::remove_tree(directory_);
    } catch (const Error&) {  // what threw before is what is told
    }
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  std::string place() const { return directory_ + "/new"; }
  void take_the_name() const {
    kernel::attempt([&] { return std::rename(place().c_str(), path_.c_str()); }, "rename to {}", path_);
  }

 private:
  std::string path_, directory_;
};

bool is_something_special(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

void write_to(const Store& store, const Contents& contents, const SaveRequest& request) {
  const bool layout = request.format == SaveFormat::oci_dir;
  if (!layout && (request.path.empty() || is_something_special(request.path))) {  // a pipe, /dev/null
    const kernel::Fd out = request.path.empty() ? kernel::Fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0))
                                                : kernel::open(request.path, O_WRONLY);
    return write_contents(store, contents, *make_tar_target(out), request);
  }
  if (layout && kernel::exists(request.path)) throw Error("write a layout to " + request.path, EEXIST);
  const Beside beside(request.path);
  const kernel::Fd file = layout ? kernel::Fd() : kernel::open(beside.place(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  const auto target = layout ? make_directory_target(beside.place()) : make_tar_target(file);
  write_contents(store, contents, *target, request);
  beside.take_the_name();
}

}  // namespace

void save(Store& store, const SaveRequest& request) {
  Staging staging = store.stage();  // so that nothing of it is removed meanwhile
  try {
    write_to(store, contents_of(store, choose_images(store, request.images), request.format), request);
    staging.remove();
  } catch (...) {
    store.abandon(staging);
    throw;
  }
}

}  // namespace coracle::image
