#include "registry/hosts.hpp"

#include <cstdlib>

#include <arpa/inet.h>
#include <nlohmann/json.hpp>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "kernel/inode.hpp"
#include "registry/url.hpp"

namespace coracle::registry {
namespace {

using Json = nlohmann::json;
using kernel::Error;

constexpr const char* kDockerHub = "docker.io";
constexpr const char* kDockerHubUrl = "https://registry-1.docker.io";

std::string user_config() {
  const char* chosen = std::getenv("XDG_CONFIG_HOME");
  if (chosen != nullptr && chosen[0] == '/') return chosen;
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.config" : "";
}

std::string without_port(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

void add_files(Trust& trust, const std::string& directory) {
  if (!kernel::exists(directory)) return;
  for (const std::string& name : kernel::list(kernel::open(directory, O_RDONLY | O_DIRECTORY))) {
    const std::string path = directory + "/" + name;
    if (name.ends_with(".crt")) trust.authorities.push_back(path);
    if (!name.ends_with(".cert")) continue;
    trust.certificate = path;
    trust.key = path.substr(0, path.size() - (sizeof ".cert" - 1)) + ".key";
  }
}

}  // namespace

bool is_loopback(const std::string& host) {
  const std::string name = without_port(host);
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == IN_LOOPBACKNET;
  return name == "localhost" || name == "::1";
}

Hosts::Hosts() {
  read("/etc/coracle/registries.json");
  if (!user_config().empty()) read(user_config() + "/coracle/registries.json");
}

void Hosts::read(const std::string& path) {
  if (!kernel::exists(path)) return;
  try {
    const auto fields = Json::parse(kernel::read_file(path)).get<std::map<std::string, Json>>();
    for (const auto& [name, value] : fields) {
      if (name == "insecure") {
        insecure_.merge(value.get<std::set<std::string>>());
      } else if (name == "mirrors") {
        const auto mirrors = value.get<std::map<std::string, std::vector<std::string>>>();
        for (const auto& [host, urls] : mirrors) mirrors_[host] = urls;
      } else {
        throw Error("read " + path, 0, "it has a field \"" + name + "\"; there are \"insecure\" and \"mirrors\"");
      }
    }
  } catch (const Json::exception& error) {
    throw Error("read " + path, 0, error.what());
  }
}

std::vector<Endpoint> Hosts::endpoints(const std::string& host) const {
  std::vector<Endpoint> endpoints;
  const auto mirrors = mirrors_.find(host);
  if (mirrors != mirrors_.end()) {
    for (std::string text : mirrors->second) {
      while (text.ends_with('/')) text.pop_back();
      const Url url = parse_url(text);
      if (url.scheme == "http" && !may_be_plain(url.host)) {
        throw Error("use the mirror " + text, 0, "plain HTTP is for this machine and for hosts named in \"insecure\"");
      }
      endpoints.push_back({text, url.host, url.scheme == "http"});
    }
  }
  endpoints.push_back(origin(host));
  return endpoints;
}

Endpoint Hosts::origin(const std::string& host) const {
  if (host == kDockerHub) return {kDockerHubUrl, host, false};
  const bool plain = may_be_plain(host);
  return {plain ? host : "https://" + host, host, plain};
}

bool Hosts::may_be_plain(const std::string& host) const { return is_loopback(host) || insecure_.contains(host); }

Trust Hosts::trust(const std::string& host) const {
  Trust trust{.anybody = insecure_.contains(host)};
  add_files(trust, "/etc/docker/certs.d/" + host);
  if (!user_config().empty()) add_files(trust, user_config() + "/docker/certs.d/" + host);
  return trust;
}

}  // namespace coracle::registry
