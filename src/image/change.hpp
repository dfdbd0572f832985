// The instructions of a Dockerfile that change an image's configuration and nothing else, as `docker import -c` and
// `docker commit -c` take them: ENV, CMD, ENTRYPOINT, WORKDIR, USER, EXPOSE, VOLUME, LABEL, STOPSIGNAL.
// https://docs.docker.com/reference/dockerfile/
#pragma once

#include <string>
#include <vector>

#include "image/config.hpp"

namespace coracle::image {

// Throws Error with what was read and what is allowed.
void apply_change(Config& config, const std::string& instruction);

// Splits at blanks as a shell does, with quotes and backslashes; $NAME and ${NAME} are replaced by what `env` has.
std::vector<std::string> split_words(const std::string& text, const std::vector<std::string>& env);

}  // namespace coracle::image
