#include "image/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "kernel/error.hpp"

namespace coracle::image {
namespace {

constexpr std::string_view kAlgorithm = "sha256:";
constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kShort = 12;

void check(int result) {
  if (result != 1) throw kernel::Error("compute a SHA-256 with OpenSSL", 0, "libcrypto has no SHA-256");
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) { check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr)); }

void Sha256::update(std::string_view bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

std::string Sha256::finish() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  check(EVP_DigestFinal_ex(context_.get(), bytes, &length));
  std::string text(kAlgorithm);
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

void verify(const std::string& what, const std::string& promised, const std::string& found) {
  if (found == promised) return;
  throw kernel::Error("verify " + what, 0, "its content is " + found + ": it is damaged or another one");
}

bool is_digest(std::string_view text) {
  return text.size() == kAlgorithm.size() + kHexDigits && text.substr(0, kAlgorithm.size()) == kAlgorithm &&
         text.substr(kAlgorithm.size()).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string short_id(const std::string& id) {
  return id.substr(id.starts_with(kAlgorithm) ? kAlgorithm.size() : 0, kShort);
}

std::string hex_of(const std::string& digest) {
  if (!is_digest(digest)) throw kernel::Error("read the digest \"" + digest + "\"", 0, "it is not sha256:HEX");
  return digest.substr(kAlgorithm.size());
}

}  // namespace coracle::image
