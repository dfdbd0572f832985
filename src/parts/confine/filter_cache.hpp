// Compiled seccomp filters, kept in files: to compile one takes longer than to start a container.
#pragma once

#include <optional>
#include <string>

#include "parts/confine/seccomp.hpp"

namespace coracle::parts {

// `inputs` is all that the filter is made of, as a text. A cache that is missing, damaged or not ours alone (its
// directory has the mode 0700) gives nothing and takes nothing; that costs time and is no error.
std::optional<SeccompFilter> cached_filter(const std::string& directory, const std::string& inputs);
void cache_filter(const std::string& directory, const std::string& inputs, const SeccompFilter& filter) noexcept;

// A filter as bytes, and the way back; nothing when the bytes are none, or of other inputs.
std::string packed(const SeccompFilter& filter, const std::string& inputs);
std::optional<SeccompFilter> unpacked(const std::string& bytes, const std::string& inputs);

}  // namespace coracle::parts
