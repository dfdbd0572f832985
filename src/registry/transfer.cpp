#include "registry/transfer.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

namespace coracle::registry {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kSlowest = 100;  // bytes a second
constexpr int kPatience = 10;            // times longer may a server think about what it was sent
constexpr int kPollMs = 100;

}  // namespace

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
      open_body_(request.body),
      body_size_(request.body_size),
      stalled_(limits.stalled),
      error_(CURL_ERROR_SIZE, '\0'),
      lease_(connections) {
  begin_body();
  set_up(limits);
  set_up_trust();
  set_up_request(request);
  curl_multi_add_handle(lease_.handle->multi, lease_.handle->easy);
  while (!headers_done_ && !finished_) step();
  if (!headers_done_) fail();
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
