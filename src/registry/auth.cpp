#include "registry/auth.hpp"

#include <nlohmann/json.hpp>

#include "registry/challenge.hpp"

namespace coracle::registry {
namespace {

constexpr std::size_t kMostToken = 256U << 10U;

std::string value_of(const std::map<std::string, std::string>& values, const char* name) {
  const auto found = values.find(name);
  return found == values.end() ? "" : found->second;
}

std::string token_in(Transfer& response) {
  const auto json = nlohmann::json::parse(response.read_all(kMostToken), nullptr, false);
  std::string token;
  if (json.is_object()) {
    for (const char* name : {"token", "access_token"}) {
      if (token.empty() && json.contains(name) && json[name].is_string()) token = json[name].get<std::string>();
    }
  }
  if (token.empty() || token.find_first_of("\r\n") != std::string::npos) {
    throw Failure(response.attempt(), "there is no token in the answer");
  }
  return token;
}

}  // namespace

std::string Auth::header(const Scopes& scopes) {
  const std::lock_guard lock(mutex_);
  if (basic_) return basic();
  const auto known = tokens_.find(scopes);
  return known == tokens_.end() ? "" : known->second;
}

std::string Auth::answer(const Transfer& response, const Scopes& scopes, const std::string& used) {
  const std::lock_guard lock(mutex_);
  std::string& token = tokens_[scopes];
  if (!token.empty() && token != used) return token;  // another thread was faster
  for (const std::string& header : response.headers("www-authenticate")) {
    for (const Challenge& challenge : parse_challenges(header)) {
      if (challenge.scheme == "bearer") {
        return token = "Bearer " + fetch_token(response, challenge.values, scopes);
      }
      if (challenge.scheme == "basic" && login_ && !login_->user.empty() && used.empty()) {
        basic_ = true;
        return basic();
      }
    }
  }
  deny(response);
}

void Auth::deny(const Transfer& response) const {
  Failure failure(response.attempt(), login_
                                          ? "the registry does not accept the user and the password, or they may not "
                                            "do this; coracle login stores others"
                                          : "the registry wants a password, or has no such thing; coracle login "
                                            "stores one");
  failure.status = response.status();
  throw failure;
}

std::string Auth::basic() const { return "Basic " + base64(login_->user + ":" + login_->password); }

std::string Auth::fetch_token(const Transfer& response, const std::map<std::string, std::string>& challenge,
                              const Scopes& scopes) {
  const Url realm = resolve(response.url(), value_of(challenge, "realm"));
  if (!may_lead(response, realm, http_.hosts())) {
    throw Failure(response.attempt(), "its token server is " + realm.shown() + ", which is not https");
  }
  std::string query;
  const std::string service = value_of(challenge, "service");
  if (!service.empty()) add_query(query, "service", service);
  Request request{.url = realm.text};
  if (login_ && !login_->identity_token.empty()) {
    std::string all;
    for (const std::string& scope : scopes) all += (all.empty() ? "" : " ") + scope;
    add_query(query, "scope", all);
    add_query(query, "client_id", "coracle");
    add_query(query, "grant_type", "refresh_token");
    add_query(query, "refresh_token", login_->identity_token);
    request.method = "POST";
    set_body(request, query.substr(1));
  } else {
    for (const std::string& scope : scopes) add_query(query, "scope", scope);
    if (login_) {
      add_query(query, "account", login_->user);
      request.authorization = basic();
    }
    const bool has_query = realm.text.find('?') != std::string::npos;
    if (!query.empty()) request.url += (has_query ? "&" : "?") + query.substr(1);
  }
  const Response answer = http_.send(request);
  if (answer->status() == 401 || answer->status() == 403) deny(*answer);
  if (answer->status() != 200) refuse(*answer);
  return token_in(*answer);
}

}  // namespace coracle::registry
