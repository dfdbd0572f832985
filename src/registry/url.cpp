#include "registry/url.hpp"

#include <memory>

#include <curl/curl.h>

#include "kernel/error.hpp"

namespace coracle::registry {
namespace {

using kernel::Error;

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part(CURLU* handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, which, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
  return text;
}

void set(CURLU* handle, const std::string& text) {
  const CURLUcode result = curl_url_set(handle, CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER);
  if (result != CURLUE_OK) throw Error("read the URL " + text, 0, curl_url_strerror(result));
}

Url read(CURLU* handle) {
  Url url{part(handle, CURLUPART_URL), part(handle, CURLUPART_SCHEME), part(handle, CURLUPART_HOST)};
  if (url.scheme != "https" && url.scheme != "http") throw Error("use the URL " + url.shown(), 0, "it is not https");
  const std::string port = part(handle, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
  if (!port.empty()) url.host += ":" + port;
  return url;
}

}  // namespace

Url parse_url(const std::string& text) {
  const Handle handle(curl_url(), curl_url_cleanup);
  set(handle.get(), text);
  return read(handle.get());
}

Url resolve(const Url& base, const std::string& reference) {
  const Handle handle(curl_url(), curl_url_cleanup);
  set(handle.get(), base.text);
  set(handle.get(), reference);
  return read(handle.get());
}

std::string encode(const std::string& value) {
  const std::unique_ptr<char, decltype(&curl_free)> text(
      curl_easy_escape(nullptr, value.c_str(), static_cast<int>(value.size())), curl_free);
  return text.get();
}

void add_query(std::string& url, const std::string& name, const std::string& value) {
  url += (url.find('?') == std::string::npos ? "?" : "&") + name + "=" + encode(value);
}

}  // namespace coracle::registry
