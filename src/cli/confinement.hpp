// Docker's options that say what a container may do.
#pragma once

#include "cli/options.hpp"
#include "engine/spec.hpp"

namespace coracle::cli {

void add_confinement(Options& options, engine::Confinement& chosen);

// --security-opt: seccomp=FILE|builtin|unconfined, no-new-privileges[=true|false], systempaths=unconfined. Throws Error
// for any other.
void read_security_option(const std::string& text, engine::Confinement& chosen);

}  // namespace coracle::cli
