// The readers of manifests, indexes, configurations and names on bytes that nobody meant. What is taken survives being
// written and read again.
#include <cstdlib>
#include <string_view>

#include "image/config.hpp"
#include "image/manifest.hpp"
#include "image/reference.hpp"
#include "kernel/error.hpp"

using namespace coracle;

namespace {

template <typename Read>
void survives(std::string_view text, Read read) {
  try {
    const std::string once = to_json(read(text));
    if (to_json(read(once)) != once) std::abort();
  } catch (const kernel::Error&) {
    // Said what was wrong with it.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  survives(text, image::parse_manifest);
  survives(text, image::parse_index);
  survives(text, image::parse_config);
  try {
    if (image::is_index(text)) choose(image::parse_index(text), image::host_platform());
  } catch (const kernel::Error&) {
  }
  try {
    const image::Reference name = image::parse_reference(std::string(text));
    const image::Reference again = image::parse_reference(name.text());
    if (again.repository() != name.repository() || again.tag != name.tag || again.digest != name.digest) std::abort();
  } catch (const kernel::Error&) {
  }
  return 0;
}
