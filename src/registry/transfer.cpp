#include "registry/transfer.hpp"

#include <algorithm>

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/ssl.h>

namespace coracle::registry {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMostPending = 1U << 20U;
constexpr std::size_t kMostHeaders = 64U << 10U;
constexpr long kReadSize = 256L << 10U;
constexpr std::uint64_t kSlowest = 100;  // bytes a second
constexpr int kPatience = 10;            // times longer may a server think about what it was sent
constexpr int kPollMs = 100;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

template <typename Value>
void set(void* easy, CURLoption option, Value value) {
  const CURLcode result = curl_easy_setopt(easy, option, value);
  if (result != CURLE_OK) throw Failure("set up a request", curl_easy_strerror(result));
}

}  // namespace

Connections::Handle::Handle() : multi(curl_multi_init()), easy(curl_easy_init()) {
  if (multi == nullptr || easy == nullptr) throw kernel::Error("curl_easy_init", ENOMEM);
}

Connections::Handle::~Handle() {
  curl_easy_cleanup(easy);
  curl_multi_cleanup(multi);
}

std::unique_ptr<Connections::Handle> Connections::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  std::unique_ptr<Handle> handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void Connections::give_back(std::unique_ptr<Handle> handle) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(handle));
}

// What libcurl calls. No exception may pass through it.
struct Transfer::Callbacks {
  static std::size_t header(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.header_bytes_ += size;
    if (transfer.header_bytes_ > kMostHeaders) return 0;
    const std::string line(data, size);
    if (line.starts_with("HTTP/")) {  // of a redirect by a proxy, of "100 Continue", or of the answer itself
      transfer.headers_.clear();
      return size;
    }
    if (trimmed(line).empty()) {
      long status = 0;
      curl_easy_getinfo(transfer.lease_.handle->easy, CURLINFO_RESPONSE_CODE, &status);
      transfer.status_ = static_cast<int>(status);
      transfer.headers_done_ = status >= 200;
      return size;
    }
    const std::size_t colon = std::min(line.find(':'), line.size() - 1);
    transfer.headers_.emplace(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    return size;
  }

  static std::size_t receive(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.pending_.size() >= kMostPending) {
      transfer.paused_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    transfer.pending_.append(data, size);
    transfer.moved_ += size;
    return size;
  }

  static std::size_t send(char* buffer, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
      const std::size_t count = transfer.body_(buffer, std::min<std::uint64_t>(size, transfer.unsent_));
      transfer.unsent_ -= count;
      transfer.moved_ += count;
      return count;
    } catch (...) {
      transfer.thrown_ = std::current_exception();
      return CURL_READFUNC_ABORT;
    }
  }

  // Authorities besides those of the system: CURLOPT_CAINFO would take their place.
  static CURLcode trust(CURL*, void* context, void* self) {
    for (const std::string& file : static_cast<Transfer*>(self)->trust_.authorities) {
      if (SSL_CTX_load_verify_file(static_cast<SSL_CTX*>(context), file.c_str()) != 1) return CURLE_SSL_CACERT_BADFILE;
    }
    return CURLE_OK;
  }
};

Transfer::Lease::~Lease() {
  curl_multi_remove_handle(handle->multi, handle->easy);
  curl_easy_reset(handle->easy);
  curl_slist_free_all(headers);
  connections.give_back(std::move(handle));
}

Transfer::Transfer(Connections& connections, const Request& request, const Trust& trust, const TimeLimits& limits,
                   const GoOn& go_on)
    : go_on_(go_on),
      method_(request.method),
      url_(parse_url(request.url)),
      trust_(trust),
      body_(request.body ? request.body() : parts::Bytes()),
      unsent_(request.body_size),
      stalled_(limits.stalled),
      error_(CURL_ERROR_SIZE, '\0'),
      lease_(connections) {
  set_up(limits);
  set_up_trust();
  set_up_request(request);
  curl_multi_add_handle(lease_.handle->multi, lease_.handle->easy);
  while (!headers_done_ && !finished_) step();
  if (!headers_done_) fail();
}

void Transfer::set_up(const TimeLimits& limits) {
  CURL* easy = lease_.handle->easy;
  set(easy, CURLOPT_URL, url_.text.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  set(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);  // one body a connection: no window of its own to wait for
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_USERAGENT, "coracle");
  set(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits.connect.count()));
  set(easy, CURLOPT_BUFFERSIZE, kReadSize);
  set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kReadSize);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (is_loopback(url_.host)) set(easy, CURLOPT_NOPROXY, "*");
  set(easy, CURLOPT_ERRORBUFFER, error_.data());
  set(easy, CURLOPT_HEADERFUNCTION, &Callbacks::header);
  set(easy, CURLOPT_HEADERDATA, this);
  set(easy, CURLOPT_WRITEFUNCTION, &Callbacks::receive);
  set(easy, CURLOPT_WRITEDATA, this);
}

void Transfer::set_up_trust() {
  CURL* easy = lease_.handle->easy;
  if (!trust_.authorities.empty()) {
    set(easy, CURLOPT_SSL_CTX_FUNCTION, &Callbacks::trust);
    set(easy, CURLOPT_SSL_CTX_DATA, this);
  }
  if (!trust_.certificate.empty()) {
    set(easy, CURLOPT_SSLCERT, trust_.certificate.c_str());
    set(easy, CURLOPT_SSLKEY, trust_.key.c_str());
  }
  if (trust_.anybody) {
    set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

void Transfer::set_up_request(const Request& request) {
  CURL* easy = lease_.handle->easy;
  const auto add = [&](const std::string& line) { lease_.headers = curl_slist_append(lease_.headers, line.c_str()); };
  for (const std::string& line : request.headers) add(line);
  if (!request.authorization.empty()) add("Authorization: " + request.authorization);
  add("Expect:");  // no waiting for a "100 Continue" that many never send
  set(easy, CURLOPT_HTTPHEADER, lease_.headers);
  if (method_ == "HEAD") set(easy, CURLOPT_NOBODY, 1L);
  if (method_ == "POST") {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(unsent_));
    if (!body_) set(easy, CURLOPT_POSTFIELDS, "");
  }
  if (method_ == "PUT") {
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(unsent_));
  }
  set(easy, CURLOPT_READFUNCTION, &Callbacks::send);
  set(easy, CURLOPT_READDATA, this);
}

// Does what can be done now; when that is nothing, waits until something can.
void Transfer::step() {
  const std::uint64_t before = moved_;
  int running = 0;
  curl_multi_perform(lease_.handle->multi, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(lease_.handle->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    finished_ = true;
    result_ = message->data.result;
  }
  if (thrown_) std::rethrow_exception(thrown_);
  if (finished_ || moved_ != before) return;
  const auto begin = steady_clock::now();
  curl_multi_poll(lease_.handle->multi, nullptr, 0, kPollMs, nullptr);
  if (go_on_) go_on_();
  check_pace(steady_clock::now() - begin);
}

// Only the time that is spent waiting counts: whoever reads slowly is not to blame the other side.
void Transfer::check_pace(steady_clock::duration waited) {
  waited_ += waited;
  const bool thinking = method_ != "GET" && unsent_ == 0 && !headers_done_;
  const auto limit = thinking ? stalled_ * kPatience : stalled_;
  if (waited_ < limit) return;
  if (moved_ < kSlowest * static_cast<std::uint64_t>(limit.count())) {
    Failure failure(attempt(), fmt::format("nothing, or next to nothing, came for {} seconds", limit.count()));
    failure.passing = failure.stalled = true;
    throw failure;
  }
  waited_ = {};
  moved_ = 0;
}

void Transfer::fail() const {
  const auto code = static_cast<CURLcode>(result_);
  const std::string said = error_.c_str();
  Failure failure(attempt(), header_bytes_ > kMostHeaders ? "its headers are longer than 64 KiB"
                             : said.empty()               ? curl_easy_strerror(code)
                                                          : said);
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
    failure.with_hint(failure.hint() + "; put the certificate of its authority at /etc/docker/certs.d/" + url_.host +
                      "/ca.crt");
  }
  failure.no_tls = code == CURLE_SSL_CONNECT_ERROR || (url_.scheme == "https" && code == CURLE_RECV_ERROR);
  failure.passing = code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_RECV_ERROR ||
                    code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING ||
                    code == CURLE_SSL_CONNECT_ERROR;
  throw failure;
}

std::size_t Transfer::read(char* buffer, std::size_t size) {
  while (taken_ == pending_.size()) {
    pending_.clear();
    taken_ = 0;
    if (finished_) {
      if (result_ != CURLE_OK) fail();
      return 0;
    }
    if (paused_) {
      paused_ = false;
      curl_easy_pause(lease_.handle->easy, CURLPAUSE_CONT);
    } else {
      step();
    }
  }
  const std::size_t count = pending_.copy(buffer, size, taken_);
  taken_ += count;
  return count;
}

std::string Transfer::read_all(std::size_t most) {
  std::string text;
  char buffer[16U << 10U];
  while (const std::size_t count = read(buffer, sizeof buffer)) {
    text.append(buffer, count);
    if (text.size() > most) throw Failure(attempt(), fmt::format("the answer is longer than {} bytes", most));
  }
  return text;
}

std::vector<std::string> Transfer::headers(const std::string& name) const {
  std::vector<std::string> values;
  const auto [begin, end] = headers_.equal_range(name);
  for (auto header = begin; header != end; ++header) values.push_back(header->second);
  return values;
}

std::string Transfer::header(const std::string& name) const {
  const auto found = headers_.find(name);
  return found == headers_.end() ? "" : found->second;
}

}  // namespace coracle::registry
