// The build context: a directory of the host, or what comes on stdin.
#pragma once

#include <string>

#include "build/build.hpp"
#include "image/staging.hpp"

namespace coracle::build {

// Fills the request's context, what is ignored of it, and the Dockerfile. `context` is a directory, or "-": stdin has
// a tar (also compressed), which is unpacked into `staging`, or a Dockerfile alone. `file` is the Dockerfile: "" is
// the context's own, "-" stdin, else a path. Throws Error, for a URL too.
void open_context(Request& request, const std::string& context, const std::string& file, const image::Staging& staging);

}  // namespace coracle::build
