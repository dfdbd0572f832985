// Which servers stand for the host in an image's name, and how far each of them is trusted.
//
//     /etc/coracle/registries.json, $XDG_CONFIG_HOME/coracle/registries.json
//         {"insecure": ["HOST:PORT"], "mirrors": {"docker.io": ["https://mirror.example"]}}
//     /etc/docker/certs.d/HOST[:PORT]/, $XDG_CONFIG_HOME/docker/certs.d/HOST[:PORT]/
//         *.crt: authorities besides the system's; NAME.cert and NAME.key: our own certificate
//         (https://docs.docker.com/engine/security/certificates/)
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace coracle::registry {

struct Endpoint {
  std::string url;   // "https://registry-1.docker.io"; without a scheme when plain HTTP may be spoken
  std::string host;  // whose password it gets: "docker.io"
  bool may_be_plain = false;
};

struct Trust {
  std::vector<std::string> authorities;  // files
  std::string certificate, key;
  bool anybody = false;  // no certificate is looked at
};

// Whether it is this very machine.
bool is_loopback(const std::string& host);

class Hosts {
 public:
  // Reads the files. Throws Error when one is no such JSON.
  Hosts();

  // For the host of a reference: its mirrors, and at last itself.
  std::vector<Endpoint> endpoints(const std::string& host) const;
  Endpoint origin(const std::string& host) const;

  // Plain HTTP: this very machine, and what is called insecure.
  bool may_be_plain(const std::string& host) const;
  Trust trust(const std::string& host) const;

 private:
  void read(const std::string& path);

  std::set<std::string> insecure_;
  std::map<std::string, std::vector<std::string>> mirrors_;
};

}  // namespace coracle::registry
