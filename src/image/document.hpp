// JSON that came from elsewhere: manifests, indexes, configurations.
#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace coracle::image {

// No manifest, index or configuration is longer (distribution-spec asks registries to take manifests up to this).
inline constexpr std::size_t kMostDocument = 4U << 20U;

// What the text is. Throws Error, with `what` it was to be, when it is no JSON, too long, or of so many values that
// reading it would take more memory than any image needs: "{}," takes 3 bytes here, and 80 when it is read.
nlohmann::json parse_json(const char* what, std::string_view text);

// The same for what must be an object.
nlohmann::json parse_document(const char* what, std::string_view text);

}  // namespace coracle::image
