// What libcurl is told of a request, and what it calls while it carries it out.
#include <algorithm>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "registry/transfer.hpp"

namespace coracle::registry {
namespace {

constexpr std::size_t kMostPending = 1U << 20U;
constexpr long kReadSize = 256L << 10U;

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

  // An idle connection may turn out to be closed when the body is on its way: libcurl takes a new one.
  static int seek(void* self, curl_off_t offset, int origin) {
    if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    auto& transfer = *static_cast<Transfer*>(self);
    try {
      transfer.begin_body();
      return CURL_SEEKFUNC_OK;
    } catch (...) {
      transfer.thrown_ = std::current_exception();
      return CURL_SEEKFUNC_FAIL;
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

void Transfer::begin_body() {
  if (!open_body_) return;
  body_ = open_body_();
  unsent_ = body_size_;
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
  set(easy, CURLOPT_SEEKFUNCTION, &Callbacks::seek);
  set(easy, CURLOPT_SEEKDATA, this);
}

}  // namespace coracle::registry
