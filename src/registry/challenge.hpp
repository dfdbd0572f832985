// What a server asks for in WWW-Authenticate headers: RFC 7235, section 4.1.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace coracle::registry {

struct Challenge {
  std::string scheme;                         // "bearer", in lower case
  std::map<std::string, std::string> values;  // "realm", "service", "scope"
};

// Those of one header. What is no challenge ends the list.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace coracle::registry
