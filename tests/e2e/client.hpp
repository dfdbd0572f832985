// What the tests of registries share.
#pragma once

#include <filesystem>

#include "e2e/home.hpp"
#include "support/archive.hpp"
#include "support/docker_registry.hpp"

namespace coracle::test {

// `coracle` with a home of its own: passwords and certificates too.
class Client : public Home {
 public:
  Result run(const Words& words, const std::string& input = {}) const { return test::run(command(words), input); }

  Words command(const Words& words) const {
    Words all = {"env", "DOCKER_CONFIG=" + path() + "/docker", "XDG_CONFIG_HOME=" + path() + "/config"};
    for (const std::string& word : Home::command(words)) all.push_back(word);
    return all;
  }

  // The same; it must go well.
  std::string output(const Words& words, const std::string& input = {}) const {
    const Result result = run(words, input);
    INFO(result.out << result.err);
    REQUIRE(result.status == 0);
    return result.out;
  }

  void import(const std::string& name) const {
    output({"import", "-c", "CMD [\"sh\"]", "-c", "ENV A=1", busybox_layer(), name});
  }

  void trust(const DockerRegistry& registry) const {
    const std::string directory = path() + "/config/docker/certs.d/" + registry.host();
    std::filesystem::create_directories(directory);
    std::filesystem::copy_file(registry.certificate(), directory + "/ca.crt");
  }
};

}  // namespace coracle::test
