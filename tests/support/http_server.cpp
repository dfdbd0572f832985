#include "support/http_server.hpp"

#include <csignal>
#include <mutex>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/process.hpp"
#include "support/archive.hpp"

namespace coracle::test {
namespace {

std::mutex one_at_a_time;  // for handlers

bool send_all(const kernel::Fd& connection, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::send(connection.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

// Reads until `pending` has that many bytes; false when the client is gone.
bool fill(const kernel::Fd& connection, std::string& pending, const std::function<bool()>& enough) {
  char buffer[65536];
  while (!enough()) {
    const ssize_t count = ::read(connection.get(), buffer, sizeof buffer);
    if (count <= 0) return false;
    pending.append(buffer, static_cast<std::size_t>(count));
    if (!pending.empty() && pending[0] == '\x16') return false;  // TLS, which is not spoken here
  }
  return true;
}

bool read_request(const kernel::Fd& connection, std::string& pending, HttpRequest& request) {
  if (!fill(connection, pending, [&] { return pending.find("\r\n\r\n") != std::string::npos; })) return false;
  const std::size_t end = pending.find("\r\n\r\n");
  std::istringstream head(pending.substr(0, end));
  pending.erase(0, end + 4);
  head >> request.method >> request.target;
  std::string line;
  std::getline(head, line);
  while (std::getline(head, line)) {
    const std::size_t colon = line.find(':');
    std::string name = line.substr(0, colon);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::string value = line.substr(std::min(colon + 2, line.size()));
    while (value.ends_with('\r')) value.pop_back();
    request.headers[name] = value;
  }
  const std::string length = request.header("content-length");
  const std::size_t size = length.empty() ? 0 : std::stoul(length);
  if (!fill(connection, pending, [&] { return pending.size() >= size; })) return false;
  request.body = pending.substr(0, size);
  pending.erase(0, size);
  return true;
}

void note(const std::string& path, const HttpRequest& request) {
  const kernel::Fd log = kernel::open(path, O_WRONLY | O_APPEND);
  kernel::write_all(log,
                    fmt::format("{} {} range={} authorization={} body={}\n", request.method, request.target,
                                request.header("range"), request.header("authorization"), request.body.substr(0, 500)));
}

}  // namespace

std::string HttpRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpServer::HttpServer(const Handler& handler) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  write_file(directory_.path() + "/log", "");
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(socket_.get(), 64) == 0);
  REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  host_ = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) serve(handler);
  socket_.close();
}

HttpServer::~HttpServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void HttpServer::serve(const Handler& handler) const {
  kernel::die_with_parent();
  while (true) {
    kernel::Fd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) _exit(1);
    std::thread([this, &handler, c = std::move(connection)]() mutable { talk(std::move(c), handler); }).detach();
  }
}

void HttpServer::talk(kernel::Fd connection, const Handler& handler) const {
  std::string pending;
  for (HttpRequest request; read_request(connection, pending, request); request = {}) {
    HttpReply reply;
    {
      const std::lock_guard lock(one_at_a_time);
      note(directory_.path() + "/log", request);
      reply = handler(request);
    }
    if (reply.status == 0) return;
    const std::int64_t length = reply.claimed >= 0 ? reply.claimed : static_cast<std::int64_t>(reply.body.size());
    std::string head = fmt::format("HTTP/1.1 {} Said\r\n", reply.status);
    if (reply.then != HttpReply::Then::endless) head += fmt::format("Content-Length: {}\r\n", length);
    for (const std::string& line : reply.headers) head += line + "\r\n";
    if (!send_all(connection, head + "\r\n" + (request.method == "HEAD" ? "" : reply.body))) return;
    if (reply.then == HttpReply::Then::close) return;
    if (reply.then == HttpReply::Then::hang) (void)fill(connection, pending, [] { return false; });
    while (reply.then == HttpReply::Then::endless && send_all(connection, std::string(65536, ' '))) {
    }
  }
}

std::string HttpServer::log() const { return read_file(directory_.path() + "/log"); }

std::size_t HttpServer::requests(const std::string& part) const {
  std::istringstream lines(log());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.find(part) != std::string::npos ? 1 : 0;
  return count;
}

}  // namespace coracle::test
