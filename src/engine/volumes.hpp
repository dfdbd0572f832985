// The named volumes: directories in DATA/volumes (parts/volumes/named_volume.hpp). What a directory cannot say of
// itself is a row in the state database; one without a row was made by a `run` that named it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/database.hpp"

namespace coracle::engine {

// docker's label of a volume whose name is by chance, and which prune takes away for that.
constexpr const char* kAnonymousLabel = "com.docker.volume.anonymous";

struct VolumeRecord {
  using Words = std::map<std::string, std::string>;

  std::string name;
  Words options, labels;
  std::int64_t created = 0;  // seconds since 1970

  bool anonymous() const { return labels.contains(kAnonymousLabel); }
};

class Volumes {
 public:
  // `directory`: where all of them are.
  Volumes(image::Database& database, std::string directory) : database_(database), directory_(std::move(directory)) {}

  std::vector<VolumeRecord> all();  // by name
  std::optional<VolumeRecord> find(const std::string& name);

  // Makes it; one that is there stays as it is. Throws Error for a name or options that cannot be.
  void create(const VolumeRecord& volume);
  // The row alone: the directory is made by the container that uses it.
  void note(const VolumeRecord& volume);

  // Removes it with all that is in it. `check` is called when no start can take it any more; what it throws is thrown.
  void remove(const std::string& name, const std::function<void()>& check);

  std::string directory_of(const std::string& name) const { return directory_ + "/" + name; }
  std::string mountpoint_of(const std::string& name) const { return directory_of(name) + "/_data"; }

 private:
  VolumeRecord without_row(const std::string& name) const;

  image::Database& database_;
  std::string directory_;
};

// A name for a volume that was given none: 64 hexadecimal figures.
std::string chance_volume_name();

}  // namespace coracle::engine
