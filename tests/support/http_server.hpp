// An HTTP server that says what the test wants it to say, true or not, on a free port of 127.0.0.1. It is a process of
// its own, so the state of its handler is out of the test's reach.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/support.hpp"

namespace coracle::test {

struct HttpRequest {
  std::string method, target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const;
};

struct HttpReply {
  enum class Then { keep, close, hang, endless };  // what comes behind the body

  int status = 200;                       // 0: the connection is closed without an answer
  std::vector<std::string> headers = {};  // "Location: /elsewhere"
  std::string body = {};
  std::int64_t claimed = -1;  // as Content-Length; -1: what the body has
  Then then = Then::keep;
};

class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;
  explicit HttpServer(const Handler& handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const std::string& host() const { return host_; }  // "127.0.0.1:40000"
  // A line for each request: "GET /v2/ range=bytes=5- authorization=Basic eDp5 body=a=b".
  std::string log() const;
  std::size_t requests(const std::string& part) const;  // lines that hold it

 private:
  [[noreturn]] void serve(const Handler& handler) const;
  void talk(kernel::Fd connection, const Handler& handler) const;

  TemporaryDirectory directory_;
  std::string host_;
  kernel::Fd socket_;
  pid_t pid_ = -1;
};

}  // namespace coracle::test
