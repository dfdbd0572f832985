// podman, with a runtime and a place of its own.
#pragma once

#include <fmt/format.h>

#include "e2e/runtimes.hpp"

namespace coracle::test {

constexpr const char* kPodmanGroup = "coracle-e2e-podman";

class Podman {
 public:
  explicit Podman(std::string runtime) : runtime_(std::move(runtime)) {
    // Limits that may be lowered everywhere; podman's own defaults raise them. No locks in the host's /dev/shm.
    kernel::create_file(path() + "/containers.conf",
                        "[containers]\ndefault_ulimits=[\"nofile=1024:4096\",\"nproc=4096:4096\"]\n"
                        "[engine]\nevents_logger=\"file\"\nlock_type=\"file\"\n");
    kernel::create_file(path() + "/storage.conf", fmt::format("[storage]\ndriver=\"overlay\"\ngraphroot=\"{0}/root\"\n"
                                                              "runroot=\"{0}/run\"\n",
                                                              path()));
  }
  ~Podman() {
    (*this)({"rm", "--all", "--force", "--time", "0"});
    run({"umount", path() + "/root/overlay"});
    remove_groups(kPodmanGroup);
    remove_groups("libpod_parent");
  }

  const std::string& path() const { return directory_.path(); }

  Words command(const Words& words) const {
    Words all = {"env",
                 "CONTAINERS_CONF=" + path() + "/containers.conf",
                 "CONTAINERS_STORAGE_CONF=" + path() + "/storage.conf",
                 "podman",
                 "--root=" + path() + "/root",
                 "--runroot=" + path() + "/run",
                 "--tmpdir=" + path() + "/tmp",
                 "--storage-driver=overlay",
                 "--cgroup-manager=cgroupfs",
                 "--runtime=" + runtime_,
                 "--runtime-flag=root=" + path() + "/runtime"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }
  Result operator()(const Words& words, const std::string& input = {}) const { return run(command(words), input); }

  // podman run OPTIONS IMAGE COMMAND, without a network when none is named.
  Words run_words(const Words& options) const {
    Words words = {"run", "--network=none", std::string("--cgroup-parent=/") + kPodmanGroup};
    words.insert(words.end(), options.begin(), options.end());
    return words;
  }

  void import_busybox() const {
    const Result result = (*this)({"import", "-c", "CMD [\"sh\"]", busybox_layer(), "busybox"});
    INFO(result.err);
    REQUIRE(result.status == 0);
  }

  std::string status_of(const std::string& name) const {
    const std::string status = (*this)({"ps", "--all", "--filter", "name=" + name, "--format", "{{.Status}}"}).out;
    return status.substr(0, status.find(" L"));  // "Exited (5) Less than a second ago"
  }

 private:
  std::string runtime_;
  TemporaryDirectory directory_;
};

}  // namespace coracle::test
