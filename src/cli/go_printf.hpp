// Values as Go's package fmt prints them: https://pkg.go.dev/fmt
#pragma once

#include <string>
#include <vector>

#include "cli/template.hpp"

namespace coracle::cli {

// %v %s %d %q %x %X %t %f %g %e %c %T and %%, with flags, a width and a precision. What does not go together is shown
// as Go shows it: "%!d(string=x)".
std::string go_printf(const std::string& format, const std::vector<Json>& values);

}  // namespace coracle::cli
