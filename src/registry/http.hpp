// HTTP for registries: answers that are read as they come, redirects followed with care, secrets for one server alone.
#pragma once

#include <memory>

#include "registry/transfer.hpp"

namespace coracle::registry {

using Response = std::unique_ptr<Transfer>;

class Http {
 public:
  explicit Http(GoOn go_on);

  // Sends a request and gives the answer, whatever its status. Redirects of GET and HEAD are followed. The
  // authorization goes to the origin of the request's URL alone (CVE-2020-15157). Throws Failure when there is no
  // answer.
  Response send(const Request& request);

  const Hosts& hosts() const { return hosts_; }
  const GoOn& go_on() const { return go_on_; }

 private:
  Hosts hosts_;
  TimeLimits limits_;
  GoOn go_on_;
  Connections connections_;
};

// Whether we go on to `to` when that answer says so: to HTTPS, or from plain HTTP to where that may be spoken.
bool may_lead(const Transfer& response, const Url& to, const Hosts& hosts);

// What status and body say about a request that was not granted.
[[noreturn]] void refuse(Transfer& response);

// Makes the text the body of the request.
void set_body(Request& request, std::string text);

}  // namespace coracle::registry
