#include "image/reference.hpp"

#include <algorithm>
#include <string_view>

#include "image/digest.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

constexpr const char* kDefaultHost = "docker.io";
constexpr std::string_view kDefaultNamespace = "library/";
constexpr std::size_t kLongestRepository = 255;
constexpr std::size_t kLongestTag = 128;

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw kernel::Error("read the image name \"" + text + "\"", 0, why);
}

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_word(char c) { return is_lower(c) || is_upper(c) || c == '_'; }

bool is_separator(std::string_view text) {
  return text == "." || text == "_" || text == "__" || text.find_first_not_of('-') == std::string_view::npos;
}

// path-component := [a-z0-9]+ (separator [a-z0-9]+)*
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower(text.front()) || !is_lower(text.back())) return false;
  for (auto at = text.begin(); at != text.end();) {
    at = std::find_if_not(at, text.end(), is_lower);
    const auto end = std::find_if(at, text.end(), is_lower);
    if (at != end && !is_separator({at, end})) return false;
    at = end;
  }
  return true;
}

// The first component is a registry's host when it could not be a path: as docker tells them apart.
bool is_host(std::string_view text) {
  return text == "localhost" || text.find_first_of(".:") != std::string_view::npos;
}

// domain-component := alphanumerics, with - between them
bool is_host_component(std::string_view text) {
  const auto allowed = [](char c) { return is_lower(c) || is_upper(c) || c == '-'; };
  return !text.empty() && text.front() != '-' && text.back() != '-' && std::all_of(text.begin(), text.end(), allowed);
}

// An IPv6 address in brackets; RFC 3986, section 3.2.2.
bool is_bracketed(std::string_view text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' &&
         text.find_first_not_of("0123456789abcdefABCDEF:", 1) == text.size() - 1;
}

bool is_host_and_port(std::string_view text) {
  const std::size_t colon = text.find(':', text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0);
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || port.find_first_not_of("0123456789") != std::string_view::npos) return false;
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) return is_bracketed(host);
  while (true) {
    const std::size_t dot = host.find('.');
    if (!is_host_component(host.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

void check_repository(const std::string& text, std::string_view repository) {
  if (repository.empty()) refuse(text, "a name is missing; it looks like NAME or NAME:TAG");
  if (repository.size() > kLongestRepository) refuse(text, "a repository has at most 255 characters");
  if (repository.size() == 64 && repository.find_first_not_of("0123456789abcdef") == std::string_view::npos) {
    refuse(text, "64 hex digits are the id of an image and cannot be its name");
  }
  std::string_view path = repository;
  const std::string_view first = repository.substr(0, repository.find('/'));
  if (first.size() < repository.size() && is_host(first)) {
    if (!is_host_and_port(first)) refuse(text, "\"" + std::string(first) + "\" is not a HOST or HOST:PORT");
    path.remove_prefix(first.size() + 1);
  }
  if (std::any_of(path.begin(), path.end(), is_upper)) refuse(text, "a repository must be in lower case");
  while (true) {
    const std::size_t slash = path.find('/');
    if (!is_component(path.substr(0, slash))) {
      refuse(text, "a repository is made of a-z, 0-9, and single . _ or - between them");
    }
    if (slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

void check_tag(const std::string& text, std::string_view tag) {
  const auto allowed = [](char c) { return is_word(c) || c == '.' || c == '-'; };
  if (tag.empty() || tag.size() > kLongestTag || !is_word(tag.front()) ||
      !std::all_of(tag.begin(), tag.end(), allowed)) {
    refuse(text, "a tag is made of 1 to 128 characters A-Z a-z 0-9 _ . - and does not begin with . or -");
  }
}

}  // namespace

std::string Reference::text() const {
  return familiar(repository()) + (tag.empty() ? "" : ":" + tag) + (digest.empty() ? "" : "@" + digest);
}

Reference parse_reference(const std::string& text) {
  Reference reference;
  const std::size_t at = text.find('@');
  if (at != std::string::npos) {
    reference.digest = text.substr(at + 1);
    if (!is_digest(reference.digest)) refuse(text, "behind the @ stands sha256: and 64 hex digits");
  }
  const std::string name = text.substr(0, at);
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.find(':', slash == std::string::npos ? 0 : slash);
  const std::string repository = name.substr(0, colon);
  check_repository(text, repository);
  const std::size_t end_of_host = repository.find('/');
  const bool has_host = end_of_host != std::string::npos && is_host(repository.substr(0, end_of_host));
  reference.host = has_host ? repository.substr(0, end_of_host) : kDefaultHost;
  reference.path = has_host ? repository.substr(end_of_host + 1) : repository;
  if (reference.host == "index.docker.io") reference.host = kDefaultHost;
  if (reference.host == kDefaultHost && reference.path.find('/') == std::string::npos) {
    reference.path.insert(0, kDefaultNamespace);
  }
  if (colon != std::string::npos) {
    reference.tag = name.substr(colon + 1);
    check_tag(text, reference.tag);
  } else if (reference.digest.empty()) {
    reference.tag = "latest";
  }
  return reference;
}

std::string familiar(const std::string& repository) {
  const std::string host = std::string(kDefaultHost) + "/";
  if (!repository.starts_with(host)) return repository;
  std::string_view short_name = repository;
  short_name.remove_prefix(host.size());
  const std::size_t slash = short_name.find('/');
  if (slash != std::string_view::npos && is_host(short_name.substr(0, slash)))
    return repository;  // or that is the host
  const bool official = short_name.starts_with(kDefaultNamespace) &&
                        short_name.find('/', kDefaultNamespace.size()) == std::string_view::npos;
  if (official) short_name.remove_prefix(kDefaultNamespace.size());
  return std::string(short_name);
}

}  // namespace coracle::image
