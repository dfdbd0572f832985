// A user without privileges, whom this test session alone knows: entries in /etc/passwd, /etc/subuid and /etc/subgid
// that are bound over the host's in the session's mount namespace, a /dev/net/tun as udev makes it, and a home. All of
// it is gone with the object.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "support/support.hpp"

namespace coracle::test {

class OrdinaryUser {
 public:
  static constexpr uid_t kUid = 4242;
  static constexpr uid_t kFirst = 300000;  // the first of kCount subordinate ids
  static constexpr unsigned kCount = 65536;

  enum class Ids { range, none };
  explicit OrdinaryUser(Ids ids = Ids::range);
  ~OrdinaryUser();
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

  std::string bin() const { return directory_.path(); }
  // The user's own directory (0700), and those that coracle chooses for this user.
  std::string home() const { return directory_.path() + "/home"; }
  std::string data_root() const { return home() + "/.local/share/coracle"; }
  std::string run_root() const { return directory_.path() + "/run/coracle"; }

  // A program of the build where this user can reach it, whatever directory the build is in: a copy in bin().
  std::string program(const std::string& path) const;

  // The words that run a command as this user, with a login's environment.
  std::vector<std::string> command(const std::vector<std::string>& words) const;
  // The same for `coracle`.
  std::vector<std::string> coracle(const std::vector<std::string>& words) const;

  Result run(const std::vector<std::string>& words, const std::string& input = {}) const;
  void import_busybox() const;

  // Everything in the user's directories that is not there when no container is.
  std::string left_behind() const;

 private:
  TemporaryDirectory directory_;
};

}  // namespace coracle::test
