#include "support/docker_registry.hpp"

#include <sstream>

#include <fmt/format.h>

#include "support/archive.hpp"

namespace coracle::test {
namespace {

constexpr int kFirstPort = 5001;

// "pass:word", by `htpasswd -nbB ada`.
constexpr const char* kPasswords = "ada:$2y$05$vBcnQ.tSmGAbSYM89uU1qOsBLxA5vrUE8QdcVV7bY17vOEskgYX1q\n";

constexpr const char* kConfig = R"(version: 0.1
log: {{level: info}}
storage: {{filesystem: {{rootdirectory: {0}/data}}, delete: {{enabled: true}}}}
http:
  addr: {1}
  secret: secret
)";

constexpr const char* kClosed = R"(  tls: {{certificate: {0}/ca.crt, key: {0}/ca.key}}
auth: {{htpasswd: {{realm: test, path: {0}/htpasswd}}}}
)";

}  // namespace

void make_certificate(const std::string& directory) {
  const Result made =
      run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext",
           "subjectAltName=IP:127.0.0.1", "-keyout", directory + "/ca.key", "-out", directory + "/ca.crt"});
  INFO(made.err);
  REQUIRE(made.status == 0);
}

DockerRegistry::DockerRegistry(Kind kind) {
  static int port = kFirstPort;
  const std::string& directory = directory_.path();
  host_ = fmt::format("127.0.0.1:{}", port++);
  std::string config = fmt::format(kConfig, directory, host_);
  if (kind == Kind::closed) {
    make_certificate(directory);
    write_file(directory + "/htpasswd", kPasswords);
    config += fmt::format(kClosed, directory);
  }
  write_file(directory + "/config.yml", config);
  write_file(directory + "/log", "");
  running_ = std::make_unique<Running>(std::vector<std::string>{
      "sh", "-c", fmt::format("exec docker-registry serve {0}/config.yml >{0}/log 2>&1", directory)});
  REQUIRE(eventually([&] { return read_file(directory + "/log").find("listening on") != std::string::npos; }));
}

std::size_t DockerRegistry::requests(const std::string& part) const {
  std::istringstream log(read_file(directory_.path() + "/log"));
  std::size_t count = 0;
  for (std::string line; std::getline(log, line);) count += line.find('"' + part) != std::string::npos ? 1 : 0;
  return count;
}

}  // namespace coracle::test
