#include "registry/connections.hpp"

#include <cerrno>

#include <curl/curl.h>

#include "kernel/error.hpp"

namespace coracle::registry {

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

}  // namespace coracle::registry
