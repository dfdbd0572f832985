// URLs, taken apart by the library that fetches them, so that two readers never see two hosts in one; curl_url_get(3).
#pragma once

#include <string>

namespace coracle::registry {

struct Url {
  std::string text;
  std::string scheme;  // "https" or "http"
  std::string host;    // "example.org:5000"; without the port when it is the scheme's own

  // What may get the same secrets: "https://example.org:5000".
  std::string origin() const { return scheme + "://" + host; }
  // For people: without the query, which may hold a signature.
  std::string shown() const { return text.substr(0, text.find('?')); }
};

// Throws Error for what is no URL, names a user, or is neither http nor https.
Url parse_url(const std::string& text);

// What a Location header means on that page; RFC 3986, section 5.
Url resolve(const Url& base, const std::string& reference);

// "a b" as "a%20b", for a value in a query.
std::string encode(const std::string& value);

// Adds NAME=VALUE to the query.
void add_query(std::string& url, const std::string& name, const std::string& value);

}  // namespace coracle::registry
