// coracle login [-u USER] [-p PASSWORD | --password-stdin] [SERVER] and coracle logout [SERVER]
#include <cstdio>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/options.hpp"
#include "image/reference.hpp"
#include "images/ask.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "registry/registry.hpp"

namespace coracle::images {
namespace {

using kernel::Error;
using registry::Login;

constexpr std::size_t kLongestPassword = 64U << 10U;

struct Words {
  std::string host;
  std::string user;
  std::optional<std::string> password;
  bool from_stdin = false;
};

// "https://example.org/v2/" is example.org.
std::string host_of(std::vector<std::string> words, const char* command) {
  if (words.size() > 1) {
    throw Error("read the word " + words[1], 0, fmt::format("one server can be given; see coracle {} --help", command));
  }
  if (words.empty()) return "docker.io";
  std::string host = words[0];
  for (const char* scheme : {"https://", "http://"}) {
    if (host.starts_with(scheme)) host.erase(0, std::string(scheme).size());
  }
  host.resize(std::min(host.find('/'), host.size()));
  const bool hub = host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io";
  if (hub) return "docker.io";
  if (image::parse_reference(host + "/x").host != host) {
    throw Error("read the server \"" + host + "\"", 0, "it is HOST.DOMAIN, HOST:PORT or localhost");
  }
  return host;
}

bool read_words(Words& words, std::vector<std::string> arguments) {
  cli::Options options("login", "[OPTIONS] [SERVER]",
                       "Store the user and the password for a registry, docker.io unless another is named,\n"
                       "where docker keeps them: ~/.docker/config.json, or the helper that is named there.");
  options.value('u', "username", "USER", "Who", words.user);
  options.value('p', "password", "PASSWORD", "For all to see in the list of processes",
                [&](const std::string& text) { words.password = text; });
  options.flag(0, "password-stdin", "Read the password from stdin", words.from_stdin);
  if (!options.read(arguments)) return false;
  words.host = host_of(std::move(arguments), "login");
  if (words.from_stdin && words.password) throw Error("log in", 0, "give --password or --password-stdin, not both");
  if (words.from_stdin && words.user.empty()) throw Error("log in", 0, "--password-stdin needs --username");
  if (words.password) {
    std::fputs("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n", stderr);
  }
  return true;
}

std::string read_password() {
  const kernel::Fd input(::dup(STDIN_FILENO));
  std::string text = kernel::read_all(input, kLongestPassword);
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

void check(registry::Http& http, const std::string& host, const Login& login) {
  registry::Registry(http, http.hosts().origin(host), "", false, login).check();
}

// Whether what is stored already is still right.
bool is_logged_in(registry::Http& http, const Words& words, const registry::Credentials& credentials) {
  if (!words.user.empty() || words.password) return false;
  const auto known = credentials.get(words.host);
  if (!known) return false;
  std::puts("Authenticating with existing credentials...");
  try {
    check(http, words.host, *known);
    return true;
  } catch (const registry::Failure& failure) {
    if (failure.status != 401) throw;
    std::fprintf(stderr, "They are refused: %s\n", failure.what());
    return false;
  }
}

}  // namespace

int login(const cli::Door&, std::vector<std::string> arguments) {
  Words words;
  if (!read_words(words, std::move(arguments))) return 0;
  const Signals signals;
  registry::Http http([&] { signals.throw_when_asked_to_end("login"); });
  const registry::Credentials credentials;
  if (!is_logged_in(http, words, credentials)) {
    if (words.from_stdin) words.password = read_password();
    Login login{.user = words.user.empty() ? ask("Username: ", false, signals) : words.user};
    login.password = words.password ? *words.password : ask("Password: ", true, signals);
    if (login.user.empty() || login.password.empty()) throw Error("log in", 0, "a user and a password are needed");
    if (login.user.find(':') != std::string::npos) throw Error("log in", 0, "a user's name has no colon");
    check(http, words.host, login);
    credentials.store(words.host, login);
    if (!credentials.has_helper(words.host)) {
      std::fprintf(stderr,
                   "WARNING! The password is stored unencrypted in %s;\n"
                   "a credential helper would keep it better: "
                   "https://docs.docker.com/reference/cli/docker/login/#credential-stores\n",
                   credentials.path().c_str());
    }
  }
  std::puts("Login Succeeded");
  return 0;
}

int logout(const cli::Door&, std::vector<std::string> words) {
  cli::Options options("logout", "[SERVER]", "Forget the password for a registry, docker.io unless another is named");
  if (!options.read(words)) return 0;
  const std::string host = host_of(std::move(words), "logout");
  if (registry::Credentials().erase(host)) {
    fmt::print("Removing login credentials for {}\n", host);
  } else {
    fmt::print("Not logged in to {}\n", host);
  }
  return 0;
}

}  // namespace coracle::images
