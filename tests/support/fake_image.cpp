#include "support/fake_image.hpp"

#include <random>

#include <fmt/format.h>

#include "support/archive.hpp"

namespace coracle::test {
namespace {

HttpReply bytes_from(const std::string& bytes, const std::string& range) {
  if (range.empty()) return {.body = bytes};
  const std::size_t from = std::stoul(range.substr(std::string("bytes=").size()));
  return {.status = 206,
          .headers = {fmt::format("Content-Range: bytes {}-{}/{}", from, bytes.size() - 1, bytes.size())},
          .body = bytes.substr(from)};
}

}  // namespace

FakeImage::FakeImage(const std::string& tar) : layer(gzip(tar)), diff_id(digest_of(tar)) { seal(); }

void FakeImage::seal() {
  config = fmt::format(
      R"({{"architecture":"amd64","os":"linux","config":{{"Cmd":["/bin/sh"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}})",
      diff_id);
  manifest =
      fmt::format(R"({{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)"
                  R"({{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":)"
                  R"([{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":{}{}}}]}})",
                  digest_of(config), config.size(), layer_digest(),
                  size_said >= 0 ? size_said : static_cast<std::int64_t>(layer.size()), extra);
}

std::string FakeImage::layer_digest() const { return digest_of(layer); }

std::string big_tar() {
  std::mt19937 random(1);
  std::string noise(1U << 20U, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  return Tar().file("hello", "hello\n").file("noise", noise).bytes();
}

HttpReply answer(const FakeImage& image, const HttpRequest& request) {
  const std::string& target = request.target;
  if (target == "/v2/") return {};
  if (target.find("/manifests/") != std::string::npos) {
    return {.headers = {"Content-Type: application/vnd.oci.image.manifest.v1+json"}, .body = image.manifest};
  }
  if (target.ends_with(digest_of(image.config))) return {.body = image.config};
  if (target.ends_with(image.layer_digest())) return bytes_from(image.layer, request.header("range"));
  return {.status = 404, .body = R"({"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]})"};
}

std::string digest_of(const std::string& bytes) { return "sha256:" + sha256(bytes); }

}  // namespace coracle::test
