// The readers of Dockerfiles and of what stands in them, on text that nobody meant: they end, and what is wrong is said
// with its line.
#include <cstdlib>
#include <string>
#include <string_view>

#include "build/dockerfile.hpp"
#include "image/change.hpp"
#include "kernel/error.hpp"

using namespace coracle;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const build::Dockerfile file = build::parse_dockerfile(text, "Dockerfile");
    image::Config config;
    for (const build::Instruction& instruction : file.instructions) {
      if (instruction.line == 0) std::abort();
      try {
        image::apply_change(config, instruction.original());
      } catch (const kernel::Error&) {
        // One that changes more than the configuration, or is wrong.
      }
    }
  } catch (const kernel::Error& error) {
    if (std::string_view(error.what()).find("Dockerfile:") == std::string_view::npos) std::abort();
  }
  return 0;
}
