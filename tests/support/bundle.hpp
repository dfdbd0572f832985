// A bundle of a test's own, and `coracle-oci` with it.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/support.hpp"

namespace coracle::test {

// .../build/coracle-oci
std::string coracle_oci();

class Bundle {
 public:
  // With a busybox root of its own, and a config.json as `coracle-oci spec` writes it, changed so that it runs
  // `arguments` without a terminal in a root that can be written to.
  explicit Bundle(const std::vector<std::string>& arguments);
  // Deletes the containers that are still there.
  ~Bundle();

  nlohmann::json config;
  void write() const;                         // as config.json; oci() and quiet() do so too
  void write(const std::string& text) const;  // anything else; then oci() and quiet() leave it

  std::string path() const { return directory_.path() + "/bundle"; }
  std::string rootfs() const { return path() + "/rootfs"; }
  std::string state() const { return directory_.path() + "/state"; }  // --root
  std::string scratch() const { return directory_.path(); }

  std::vector<std::string> command(const std::vector<std::string>& words) const;
  Result oci(const std::vector<std::string>& words) const;
  // For commands whose container outlives them: output goes to files and not to a pipe that would stay open.
  Result quiet(const std::vector<std::string>& words) const;
  // What containers begun with quiet() have printed until now.
  std::string printed() const;

  // create --bundle; create and start.
  void create(const std::string& id) const;
  void start(const std::string& id) const;

  nlohmann::json state_of(const std::string& id) const;
  std::string status_of(const std::string& id) const { return state_of(id)["status"]; }
  pid_t pid_of(const std::string& id) const { return state_of(id)["pid"]; }
  // Waits until the container has that status.
  bool reaches(const std::string& id, const std::string& status) const;

 private:
  TemporaryDirectory directory_;
  mutable bool written_ = false;
};

}  // namespace coracle::test
