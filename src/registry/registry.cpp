#include "registry/registry.hpp"

#include <fmt/format.h>

#include "image/digest.hpp"

namespace coracle::registry {
namespace {

const std::string kAccept = std::string("Accept: ") + image::kOciIndex + ", " + image::kOciManifest + ", " +
                            image::kDockerIndex + ", " + image::kDockerManifest;

void expect(Transfer& response, int status) {
  if (response.status() != status) refuse(response);
}

// A server that knows nothing of ranges sends everything.
void skip(Transfer& response, std::uint64_t count) {
  char buffer[64U << 10U];
  while (count > 0) {
    const std::size_t size = response.read(buffer, std::min<std::uint64_t>(count, sizeof buffer));
    if (size == 0) throw Failure(response.attempt(), "the blob is shorter than what is here of it already");
    count -= size;
  }
}

}  // namespace

Registry::Registry(Http& http, const Endpoint& endpoint, std::string path, bool push)
    : Registry(http, endpoint, std::move(path), push, Credentials().get(endpoint.host)) {}

Registry::Registry(Http& http, Endpoint endpoint, std::string path, bool push, std::optional<Login> login)
    : http_(http), endpoint_(std::move(endpoint)), path_(std::move(path)), push_(push), auth_(http, std::move(login)) {}

Scopes Registry::scopes() const {
  if (path_.empty()) return {};
  return {"repository:" + path_ + (push_ ? ":pull,push" : ":pull")};
}

// Where plain HTTP may be spoken, TLS is tried first, and nothing secret is said until it is known which of them it is.
std::string Registry::base() {
  const std::lock_guard lock(mutex_);
  if (!base_.empty()) return base_;
  if (endpoint_.url.find("://") != std::string::npos) return base_ = endpoint_.url;
  try {
    http_.send({.url = "https://" + endpoint_.url + "/v2/"});
    return base_ = "https://" + endpoint_.url;
  } catch (Failure& failure) {
    failure.passing = false;  // a wrong name is told at once
    if (!failure.no_tls) throw;
  }
  return base_ = "http://" + endpoint_.url;
}

std::string Registry::url(const std::string& rest) {
  return base() + "/v2/" + (path_.empty() ? "" : path_ + "/") + rest;
}

Response Registry::send(Request request, const Scopes& scopes) {
  const std::string origin = parse_url(base()).origin();
  const bool ours = parse_url(request.url).origin() == origin;
  if (ours) request.authorization = auth_.header(scopes);
  Response response = http_.send(request);
  // Whom we were led to may ask for a password, and gets none.
  if (response->status() != 401 || !ours || response->url().origin() != origin) return response;
  request.authorization = auth_.answer(*response, scopes, request.authorization);
  response.reset();
  response = http_.send(request);
  if (response->status() == 401) auth_.deny(*response);
  return response;
}

Response Registry::ask(const Request& request) {
  try {
    Response response = send(request, scopes());
    reached_ = true;
    if (response->status() >= 500 || response->status() == 429) refuse(*response);
    return response;
  } catch (Failure& failure) {
    if (failure.status == 0 && !reached_) failure.passing = false;
    throw;
  }
}

Document Registry::manifest(const std::string& tag_or_digest) {
  return retry(http_.go_on(), [&] {
    const Response response = ask({.url = url("manifests/" + tag_or_digest), .headers = {kAccept}});
    expect(*response, 200);
    Document document{.bytes = response->read_all(image::kMostDocument), .digest = {}};
    document.digest = image::sha256(document.bytes);
    const bool by_digest = image::is_digest(tag_or_digest);
    const std::string said = response->header("docker-content-digest");
    for (const std::string& wanted : {by_digest ? tag_or_digest : "", image::is_digest(said) ? said : ""}) {
      if (wanted.empty() || wanted == document.digest) continue;
      throw Failure("verify the manifest " + wanted,
                    "its content is " + document.digest + ": it is damaged or another one");
    }
    return document;
  });
}

Response Registry::blob(const std::string& digest, std::uint64_t offset) {
  Request request{.url = url("blobs/" + digest)};
  if (offset > 0) request.headers = {fmt::format("Range: bytes={}-", offset)};
  Response response = ask(request);
  if (response->status() == 206 && offset > 0) {
    if (response->header("content-range").starts_with(fmt::format("bytes {}-", offset))) return response;
    throw Failure(response->attempt(), "it sends another range than the one asked for");
  }
  expect(*response, 200);
  skip(*response, offset);
  return response;
}

bool Registry::has_blob(const std::string& digest) {
  return retry(http_.go_on(), [&] {
    const Response response = ask({.method = "HEAD", .url = url("blobs/" + digest)});
    if (response->status() == 404) return false;
    expect(*response, 200);
    return true;
  });
}

// Gives the URL to upload to.
std::string Registry::start_upload(const std::string& query, const Scopes& scopes, bool& mounted) {
  const Response response = send({.method = "POST", .url = url("blobs/uploads/") + query}, scopes);
  mounted = response->status() == 201;
  if (mounted) return "";
  expect(*response, 202);
  const Url to = resolve(response->url(), response->header("location"));
  if (may_lead(*response, to, http_.hosts())) return to.text;
  throw Failure(response->attempt(), "it leads to " + to.shown() + ", which is not https");
}

bool Registry::mount(const std::string& digest, const std::string& from) {
  Scopes both = scopes();
  both.push_back("repository:" + from + ":pull");
  std::string query;
  add_query(query, "mount", digest);
  add_query(query, "from", from);
  bool mounted = false;
  try {
    start_upload(query, both, mounted);
  } catch (const Failure&) {  // then it is uploaded, and says what is wrong
  }
  return mounted;
}

void Registry::upload(const image::Descriptor& blob, const std::function<parts::Bytes()>& open) {
  retry(http_.go_on(), [&] {
    bool mounted = false;
    std::string to = start_upload("", scopes(), mounted);
    if (mounted) return;
    add_query(to, "digest", blob.digest);
    const Response response = send({.method = "PUT",
                                    .url = to,
                                    .headers = {"Content-Type: application/octet-stream"},
                                    .body = open,
                                    .body_size = blob.size},
                                   scopes());
    expect(*response, 201);
  });
}

void Registry::put_manifest(const std::string& tag, const std::string& media_type, const std::string& bytes) {
  retry(http_.go_on(), [&] {
    Request request{.method = "PUT", .url = url("manifests/" + tag), .headers = {"Content-Type: " + media_type}};
    set_body(request, bytes);
    expect(*send(request, scopes()), 201);
  });
}

void Registry::check() {
  const Response response = send({.url = url("")}, scopes());
  expect(*response, 200);
}

}  // namespace coracle::registry
