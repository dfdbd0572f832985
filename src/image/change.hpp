// The instructions of a Dockerfile that change an image's configuration and nothing else, as `docker import -c` and
// `docker commit -c` take them: ENV, CMD, ENTRYPOINT, WORKDIR, USER, EXPOSE, VOLUME, LABEL, STOPSIGNAL.
// https://docs.docker.com/reference/dockerfile/
#pragma once

#include <string>
#include <vector>

#include "image/config.hpp"
#include "image/words.hpp"

namespace coracle::image {

// Throws Error with what was read and what is allowed.
void apply_change(Config& config, const std::string& instruction);

// The same for an instruction that was read already: its name in capitals, and what stands behind it.
void apply_instruction(Config& config, const std::string& name, const std::string& rest, const Variables& variables);

}  // namespace coracle::image
