// Digests: what a blob or a layer is named by. image-spec descriptor.md, "Digests"; only SHA-256 is used here.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX; EVP_DigestInit(3)

namespace coracle::image {

// The SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  // "sha256:" and 64 hex digits. The last call on this object.
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string sha256(std::string_view bytes);

// Throws Error when what was found is not what the digest of `what` promised ("the blob sha256:HEX").
void verify(const std::string& what, const std::string& promised, const std::string& found);

// Whether the text is "sha256:" and 64 lower-case hex digits.
bool is_digest(std::string_view text);

// The digest without "sha256:": its name as a file.
std::string hex_of(const std::string& digest);

// What docker shows of an id, an image's or a container's: 12 hex digits.
std::string short_id(const std::string& id);

}  // namespace coracle::image
