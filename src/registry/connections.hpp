// Connections that are kept for the next request to the same server.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace coracle::registry {

// The connections that are open and not in use. For several threads.
class Connections {
 public:
  struct Handle {
    Handle();
    ~Handle();
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    void* multi;  // CURLM: it owns the connections
    void* easy;   // CURL
  };
  std::unique_ptr<Handle> take();
  void give_back(std::unique_ptr<Handle> handle);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_;
};

}  // namespace coracle::registry
