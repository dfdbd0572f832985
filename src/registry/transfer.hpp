// One HTTP request and its answer, whose body is fetched when it is read; libcurl-multi(3). No policy: redirects,
// passwords and further attempts are http.hpp's and registry.hpp's.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parts/unpack/decoder.hpp"
#include "registry/connections.hpp"
#include "registry/hosts.hpp"
#include "registry/retry.hpp"
#include "registry/url.hpp"

struct curl_slist;

namespace coracle::registry {

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;         // "Accept: text/plain"
  std::string authorization;                // the header's value; for the origin of `url`, and nobody else
  std::function<parts::Bytes()> body = {};  // called for each attempt to send it
  std::uint64_t body_size = 0;
};

struct TimeLimits {
  std::chrono::seconds connect{10};
  std::chrono::seconds stalled{30};  // fewer than 100 bytes a second for so long; $CORACLE_HTTP_TIMEOUT
};

class Transfer {
 public:
  // Sends the request and waits for the headers of the answer. Throws Failure when there is none.
  Transfer(Connections& connections, const Request& request, const Trust& trust, const TimeLimits& limits,
           const GoOn& go_on);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  int status() const { return status_; }
  // All headers of that name (in lower case).
  std::vector<std::string> headers(const std::string& name) const;
  std::string header(const std::string& name) const;
  const Url& url() const { return url_; }
  // "GET https://example.org/v2/", for errors.
  std::string attempt() const { return method_ + " " + url_.shown(); }

  // Fills the buffer and gives how many bytes that were; 0 is the end. Throws Failure when the body breaks off.
  std::size_t read(char* buffer, std::size_t size);
  // All of it. Throws Failure when it is longer than that.
  std::string read_all(std::size_t most);

 private:
  static constexpr std::size_t kMostHeaders = 64U << 10U;

  struct Callbacks;
  void begin_body();
  void set_up(const TimeLimits& limits);
  void set_up_trust();
  void set_up_request(const Request& request);
  void step();
  void check_pace(std::chrono::steady_clock::duration waited);
  [[noreturn]] void fail() const;

  // The handle, as long as it carries this request.
  struct Lease {
    explicit Lease(Connections& from) : connections(from), handle(from.take()) {}
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connections& connections;
    std::unique_ptr<Connections::Handle> handle;
    curl_slist* headers = nullptr;
  };

  GoOn go_on_;
  std::string method_;
  Url url_;
  Trust trust_;
  std::function<parts::Bytes()> open_body_;
  parts::Bytes body_;
  std::uint64_t body_size_ = 0, unsent_ = 0;
  std::chrono::seconds stalled_;
  std::string error_;  // CURLOPT_ERRORBUFFER

  int status_ = 0;
  std::multimap<std::string, std::string> headers_;
  std::size_t header_bytes_ = 0;
  bool headers_done_ = false, paused_ = false, finished_ = false;
  int result_ = 0;  // CURLcode
  std::string pending_;
  std::size_t taken_ = 0;                         // of pending_
  std::exception_ptr thrown_;                     // by body_
  std::chrono::steady_clock::duration waited_{};  // since `moved_` was 0
  std::uint64_t moved_ = 0;
  Lease lease_;
};

}  // namespace coracle::registry
