#include "engine/commit.hpp"

#include <algorithm>

#include "engine/create.hpp"
#include "engine/files.hpp"
#include "engine/join_note.hpp"
#include "engine/options_json.hpp"
#include "image/change.hpp"
#include "image/time.hpp"
#include "kernel/error.hpp"

namespace coracle::engine {
namespace {

using image::Config;
using kernel::Error;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// As it runs, or would run when it was started.
launch::Process program_of(const Engine& engine, const ContainerFiles& files) {
  const Record& record = files.record;
  if (!files.lock) return read_join_note(record.run_root, record.id).program;
  const Place place = place_of(engine, record.id, files.image);
  return make_spec(parse_options(record.options), files.image.config, place).process;
}

// How the container was started becomes how containers of the image are.
Config config_of(Engine& engine, const ContainerFiles& files, const CommitRequest& request) {
  Config config = files.image.config;
  const launch::Process program = program_of(engine, files);
  const std::vector<std::string>& command = files.record.command;
  const std::vector<std::string>& entry = config.entrypoint;
  const bool starts_so = entry.size() <= command.size() && std::equal(entry.begin(), entry.end(), command.begin());
  config.cmd.assign(command.begin() + static_cast<std::ptrdiff_t>(starts_so ? entry.size() : 0), command.end());
  if (!starts_so) config.entrypoint.clear();
  config.env.clear();
  for (const std::string& entry_of_env : program.env) {
    if (!entry_of_env.starts_with("HOSTNAME=") && !entry_of_env.starts_with("TERM="))
      config.env.push_back(entry_of_env);
  }
  config.working_dir = program.cwd;
  config.user = program.user;
  config.created = image::rfc3339(image::time_of_making());
  config.author = request.author;
  for (const std::string& change : request.changes) image::apply_change(config, change);
  return config;
}

image::StagedLayer pack_layer(const image::Staging& staging, const ContainerFiles& files,
                              const CommitRequest& request) {
  std::optional<Pause> pause;
  try {
    if (request.pause && !files.lock) pause.emplace(files.record.run_root + "/" + files.record.id);
  } catch (const Error& error) {
    check_whole(files);
    if (error.code() != ENOENT) throw;
    request.warn("the container goes on while its files are read: it has no cgroup of its own (see coracle doctor)");
  }
  parts::Bytes tar = pack_changes(files.upper, files.lower);
  const auto progress = [&](const image::Descriptor&, std::uint64_t, std::uint64_t) { request.go_on(); };
  image::StagedLayer layer =
      image::stage_layer(staging, request.compress(std::move(tar)), "the changes of " + files.record.name, progress);
  check_whole(files);
  return layer;
}

}  // namespace

std::string commit(Engine& engine, const CommitRequest& request) {
  return engine.store.staged([&](const image::Staging& staging) {
    const ContainerFiles files = find_files(engine, request.container);
    Config config = config_of(engine, files, request);
    const image::StagedLayer layer = pack_layer(staging, files, request);
    config.diff_ids.push_back(layer.layer.diff_id);
    config.history.push_back({.created = config.created,
                              .created_by = joined(files.record.command),
                              .comment = request.message,
                              .author = request.author});
    const image::Manifest base = image::parse_manifest(engine.store.document(files.image.manifest));
    std::vector<image::Reference> names;
    if (request.name) names.push_back(*request.name);
    return image::add_image(engine.store, staging, {layer}, base.layers, config, names);
  });
}

}  // namespace coracle::engine
