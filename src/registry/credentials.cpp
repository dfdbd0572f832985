#include "registry/credentials.hpp"

#include <cstdio>
#include <cstdlib>

#include <openssl/evp.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "kernel/recorder.hpp"
#include "kernel/spawn.hpp"

namespace coracle::registry {
namespace {

using Json = nlohmann::json;
using kernel::Error;

constexpr const char* kTokenUser = "<token>";  // under which helpers keep identity tokens

std::string config_path() {
  const char* directory = std::getenv("DOCKER_CONFIG");
  if (directory != nullptr && *directory != '\0') return std::string(directory) + "/config.json";
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? std::string(home) + "/.docker/config.json" : "";
}

// What docker calls the host in the file.
std::string key_of(const std::string& host) { return host == "docker.io" ? "https://index.docker.io/v1/" : host; }

// "https://example.org/v1/" is written in old files for "example.org".
std::string host_of_key(std::string key) {
  for (const char* scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.erase(0, std::string(scheme).size());
  }
  return key.substr(0, key.find('/'));
}

// `act` on what the file says, an object; what is wrong in it is told with the file's name.
template <typename Act>
auto with_config(const std::string& path, Act act) {
  try {
    Json json = Json::object();
    if (!path.empty() && kernel::exists(path)) json = Json::parse(kernel::read_file(path));
    return act(json);
  } catch (const Json::exception& error) {
    throw Error("read " + path, 0, error.what());
  }
}

void replace_file(const std::string& path, const std::string& text) {
  const std::string directory = path.substr(0, path.rfind('/'));
  kernel::make_directories(directory, 0700);
  std::string real = path;  // a link stays one
  if (char* resolved = ::realpath(path.c_str(), nullptr)) {
    real = resolved;
    std::free(resolved);
  }
  const std::string fresh = real + "." + std::to_string(::getpid());
  ::unlink(fresh.c_str());
  {
    const kernel::Fd file = kernel::open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    kernel::write_all(file, text);
    kernel::attempt([&] { return ::fsync(file.get()); }, "fsync {}", fresh);
  }
  kernel::attempt([&] { return std::rename(fresh.c_str(), real.c_str()); }, "rename {} to {}", fresh, real);
}

std::string helper_of(const Json& config, const std::string& host) {
  const Json helpers = config.value("credHelpers", Json::object());
  const std::string name = helpers.contains(key_of(host)) ? helpers.at(key_of(host)).get<std::string>()
                           : helpers.contains(host)       ? helpers.at(host).get<std::string>()
                                                          : config.value("credsStore", "");
  if (name.find('/') != std::string::npos) throw Error("use the credential helper " + name, 0, "a name has no /");
  return name;
}

// docker-credential-helpers' protocol: a verb, and the rest on stdin.
std::string call_helper(const std::string& name, const char* verb, const std::string& input) {
  return kernel::spawn_for_output({"docker-credential-" + name, verb}, input);
}

bool not_found(const Error& error) { return error.hint().find("credentials not found") != std::string::npos; }

std::optional<Login> get_from_helper(const std::string& name, const std::string& host) {
  std::string said;
  try {
    said = call_helper(name, "get", key_of(host));
  } catch (const Error& error) {
    if (not_found(error)) return std::nullopt;
    throw;
  }
  const Json json = Json::parse(said, nullptr, false);
  if (!json.is_object()) throw Error("run docker-credential-" + name + " get", 0, "what it says is no JSON");
  const std::string user = json.value("Username", "");
  const std::string secret = json.value("Secret", "");
  return user == kTokenUser ? Login{.identity_token = secret} : Login{user, secret, ""};
}

std::optional<Login> read_entry(const Json& entry) {
  Login login{entry.value("username", ""), entry.value("password", ""), entry.value("identitytoken", "")};
  const std::string both = entry.value("auth", "");
  if (!both.empty()) {
    const auto text = from_base64(both);
    const std::size_t colon = text ? text->find(':') : std::string::npos;
    if (colon == std::string::npos) return std::nullopt;
    login.user = text->substr(0, colon);
    login.password = text->substr(colon + 1);
  }
  if (login.user.empty() && login.identity_token.empty()) return std::nullopt;
  return login;
}

}  // namespace

Credentials::Credentials() : path_(config_path()) {}

bool Credentials::has_helper(const std::string& host) const {
  return with_config(path_, [&](const Json& config) { return !helper_of(config, host).empty(); });
}

std::optional<Login> Credentials::get(const std::string& host) const {
  return with_config(path_, [&](const Json& config) -> std::optional<Login> {
    const std::string helper = helper_of(config, host);
    if (!helper.empty()) return get_from_helper(helper, host);
    const Json all = config.value("auths", Json::object());
    if (all.contains(key_of(host))) return read_entry(all.at(key_of(host)));
    for (const auto& [key, entry] : all.items()) {
      if (host_of_key(key) == host) return read_entry(entry);
    }
    return std::nullopt;
  });
}

void Credentials::store(const std::string& host, const Login& login) const {
  if (path_.empty()) throw Error("store the password", 0, "neither HOME nor DOCKER_CONFIG says where");
  with_config(path_, [&](Json& config) {
    const std::string helper = helper_of(config, host);
    Json& entry = config["auths"][key_of(host)];
    entry = Json::object();
    if (!helper.empty()) {
      const bool token = !login.identity_token.empty();
      const Json said = {{"ServerURL", key_of(host)},
                         {"Username", token ? kTokenUser : login.user},
                         {"Secret", token ? login.identity_token : login.password}};
      call_helper(helper, "store", said.dump());
    } else {
      entry["auth"] = base64(login.user + ":" + login.password);
      if (!login.identity_token.empty()) entry["identitytoken"] = login.identity_token;
    }
    replace_file(path_, config.dump(1, '\t') + "\n");
  });
}

bool Credentials::erase(const std::string& host) const {
  return with_config(path_, [&](Json& config) {
    bool erased = false;
    const std::string helper = helper_of(config, host);
    if (!helper.empty() && get_from_helper(helper, host)) {
      call_helper(helper, "erase", key_of(host));
      erased = true;
    }
    Json kept = Json::object();
    const Json all = config.value("auths", Json::object());
    for (const auto& [key, entry] : all.items()) {
      if (key != key_of(host) && host_of_key(key) != host) kept[key] = entry;
    }
    if (kept.size() == all.size()) return erased;
    config["auths"] = kept;
    replace_file(path_, config.dump(1, '\t') + "\n");
    return true;
  });
}

std::string base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock(3) adds a NUL
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> from_base64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const std::size_t padding = text.size() - std::min(text.find('='), text.size());
  if (text.empty() || text.size() % 4 != 0 || padding > 2 || (padding == 2 && text.back() != '=')) return std::nullopt;
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(bytes.size() - padding);  // which it counts
  return bytes;
}

}  // namespace coracle::registry
