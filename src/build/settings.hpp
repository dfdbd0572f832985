// The instructions of a Dockerfile that change an image's configuration and nothing else: those of image/change.hpp,
// and MAINTAINER, HEALTHCHECK, SHELL and ONBUILD, which only a build knows.
#pragma once

#include "build/dockerfile.hpp"
#include "image/config.hpp"
#include "image/words.hpp"

namespace coracle::build {

// Throws Error with what is wrong, or is no instruction.
void apply_setting(image::Config& config, const Instruction& instruction, const image::Variables& variables);

// "1m30s" in nanoseconds, as Go's time.ParseDuration has it. Throws Error.
std::int64_t parse_duration(const std::string& text);

// Throws Error when the instruction has other flags than these.
void check_flags(const Instruction& instruction, const std::vector<std::string>& known);

// The last value of a flag; "" when it is not there.
std::string flag(const Instruction& instruction, const std::string& name);

}  // namespace coracle::build
