// Archives of images on bytes that nobody meant: the entries of the tar, the documents that lead from one to the next,
// the names. What is found is read to its end.
#include <cstdlib>
#include <string_view>

#include <sys/mman.h>

#include "image/digest.hpp"
#include "image/layout.hpp"
#include "kernel/error.hpp"

using namespace coracle;

namespace {

void read_all(const image::Files& files, const image::Offered& offered) {
  image::FileBlobs blobs(files, offered);
  const image::Manifest manifest = image::parse_manifest(offered.manifest);
  for (const image::Descriptor& layer : manifest.layers) {
    const parts::Bytes bytes = blobs.open(layer, 0);
    char buffer[512];
    while (bytes(buffer, sizeof buffer) > 0) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  kernel::Fd file(memfd_create("archive", MFD_CLOEXEC));
  kernel::write_all(file, {reinterpret_cast<const char*>(data), size});
  try {
    const auto files = image::open_tar(std::move(file));
    const auto images =
        image::is_layout(*files) ? image::read_layout(*files, std::nullopt) : image::read_docker_archive(*files);
    for (const image::Offered& offered : images) read_all(*files, offered);
  } catch (const kernel::Error&) {
    // Said what was wrong with it.
  }
  return 0;
}
