#include "registry/http.hpp"

#include <cstdlib>
#include <ctime>

#include <curl/curl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace coracle::registry {
namespace {

using kernel::Error;

constexpr int kMostRedirects = 5;
constexpr std::size_t kMostErrorText = 16U << 10U;
constexpr std::size_t kMostShown = 200;

TimeLimits limits_of_environment() {
  TimeLimits limits;
  const char* text = std::getenv("CORACLE_HTTP_TIMEOUT");
  if (text == nullptr || *text == '\0') return limits;
  char* end = nullptr;
  const long seconds = std::strtol(text, &end, 10);
  if (*end != '\0' || seconds < 1 || seconds > 3600) {
    throw Error(std::string("read CORACLE_HTTP_TIMEOUT=") + text, 0, "it is a number of seconds, 1 to 3600");
  }
  limits.stalled = std::chrono::seconds(seconds);
  limits.connect = std::min(limits.connect, limits.stalled);
  return limits;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// RFC 9110, section 10.2.3: seconds, or a date.
std::chrono::seconds retry_after(const std::string& text) {
  if (text.empty()) return {};
  if (text.find_first_not_of("0123456789") == std::string::npos) {
    return std::chrono::seconds(text.size() > 6 ? 999'999 : std::stol(text));
  }
  const std::time_t date = curl_getdate(text.c_str(), nullptr);
  return std::chrono::seconds(std::max<std::time_t>(date - std::time(nullptr), 0));
}

// The message in a registry's error: distribution-spec, "Error Codes".
std::string message_in(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  try {
    if (json.is_object() && json.contains("errors")) return json.at("errors").at(0).at("message").get<std::string>();
    if (json.is_object() && json.contains("details")) return json.at("details").get<std::string>();
  } catch (const nlohmann::json::exception&) {
  }
  return "";
}

}  // namespace

Http::Http(GoOn go_on) : limits_(limits_of_environment()), go_on_(std::move(go_on)) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);  // before there are threads
  if (initialized != CURLE_OK) throw Error("curl_global_init", 0, curl_easy_strerror(initialized));
}

Response Http::send(const Request& request) {
  Request next = request;
  for (int redirects = 0;; ++redirects) {
    const std::string host = parse_url(next.url).host;
    auto response = std::make_unique<Transfer>(connections_, next, hosts_.trust(host), limits_, go_on_);
    const bool follow = is_redirect(response->status()) && (request.method == "GET" || request.method == "HEAD");
    if (!follow) return response;
    if (redirects == kMostRedirects) throw Failure(response->attempt(), "too many redirects");
    const Url to = resolve(response->url(), response->header("location"));
    if (!may_lead(*response, to, hosts_)) {
      throw Failure(response->attempt(), "it leads to " + to.shown() + ", which is not https");
    }
    if (to.origin() != parse_url(request.url).origin()) next.authorization.clear();
    next.url = to.text;
  }
}

bool may_lead(const Transfer& response, const Url& to, const Hosts& hosts) {
  return to.scheme == "https" || (response.url().scheme == "http" && hosts.may_be_plain(to.host));
}

void refuse(Transfer& response) {
  std::string message;
  try {
    message = message_in(response.read_all(kMostErrorText)).substr(0, kMostShown);
  } catch (const Failure&) {  // the status says enough
  }
  Failure failure(response.attempt(),
                  fmt::format("the answer is {}{}{}", response.status(), message.empty() ? "" : ": ", message));
  failure.status = response.status();
  failure.passing = failure.status == 408 || failure.status == 429 || failure.status >= 500;
  failure.retry_after = retry_after(response.header("retry-after"));
  throw failure;
}

void set_body(Request& request, std::string text) {
  request.body_size = text.size();
  request.body = [text = std::move(text)]() -> parts::Bytes {
    return [text, at = std::size_t{0}](char* buffer, std::size_t size) mutable {
      const std::size_t count = text.copy(buffer, size, at);
      at += count;
      return count;
    };
  };
}

}  // namespace coracle::registry
