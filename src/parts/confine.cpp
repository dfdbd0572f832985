// Part: confine. capabilities(7), seccomp(2), credentials(7), getrlimit(2), keyrings(7), proc(5).
//
// `enter` changes what the container shows: settings, masks. `seal` changes the one process: what a step still needs is
// given up after it, so the order is the whole matter. It is the order of this file's seal().
#include "parts/confine.hpp"

#include <linux/sched.h>
#include <unistd.h>

#include "kernel/credentials.hpp"
#include "kernel/keyring.hpp"
#include "kernel/own_user_namespace.hpp"
#include "kernel/process.hpp"
#include "kernel/recorder.hpp"
#include "kernel/rlimit.hpp"
#include "parts/confine/filter.hpp"
#include "parts/confine/masks.hpp"
#include "parts/confine/note.hpp"
#include "parts/confine/powers.hpp"

namespace coracle::parts {
namespace {

using kernel::Error;
using kernel::Fd;

// Groups first, while we may: without setgroups the groups of whoever started us would stay (CVE-2022-36109). In a user
// namespace that a user without root made alone nobody may: there they could mean less than before.
void set_groups(const std::vector<gid_t>& groups) {
  try {
    kernel::setgroups(groups);
  } catch (const Error& error) {
    if (error.code() != EPERM || !kernel::setgroups_is_denied()) throw;
  }
}

class Confine final : public Part {
 public:
  explicit Confine(ConfineOptions options) : options_(std::move(options)) {}

  Stage stage() const override { return Stage::confine; }
  const char* name() const override { return "confine"; }

  void prepare(Context& context) override {
    if (!options_.masked_paths.empty() || !options_.readonly_paths.empty()) context.clone_flags |= CLONE_NEWNS;
    if (!options_.sysctls.empty()) host_ = look_at_namespaces(kernel::open("/proc", O_PATH));
    filter_ = find_filter(options_);
    keep_confinement(context.run_dir, options_, filter_);
  }

  void adopt(Context& context) override {
    if (!options_.oom_score_adj) return;
    write_oom_score_adj(context.pid);
  }

  void enter(Context&) override {
    write_sysctls(options_.sysctls, host_);
    make_readonly(options_.readonly_paths);
    mask_paths(options_.masked_paths);
  }

  // The joining process takes its score from us: no other process may look into it, so its own file in /proc is root's.
  void join(Context&) override {
    filter_ = find_filter(options_);
    if (options_.oom_score_adj) write_oom_score_adj(getpid());
  }

  void seal(Context& context) override;

  // release: nothing. All of it ends with the process.

 private:
  void write_oom_score_adj(pid_t pid) const;
  void become(const User& user) const;
  void load_filter() const;

  ConfineOptions options_;
  SeenNamespaces host_;
  std::optional<SeccompFilter> filter_;
};

void Confine::seal(Context& context) {
  if (options_.new_keyring) kernel::join_new_session_keyring();  // root's quota of keys is the larger one
  for (const Rlimit& limit : options_.rlimits) kernel::setrlimit(limit.resource, limit.soft, limit.hard);
  const CapabilityOptions capabilities = available(options_.capabilities);
  if (options_.capabilities) kernel::limit_bounding_set(capabilities.bounding);  // needs CAP_SETPCAP
  become(context.user);                                                          // needs CAP_SETGID, CAP_SETUID
  // Without no_new_privs the filter needs CAP_SYS_ADMIN, so one more call follows it; with it, it is the very last.
  if (!options_.no_new_privileges) load_filter();
  give_up(capabilities, context.user);
  if (!options_.no_new_privileges) return;
  kernel::set_no_new_privileges();
  load_filter();
}

// A lower score than that of who starts us needs CAP_SYS_RESOURCE (proc(5), /proc/PID/oom_score_adj).
void Confine::write_oom_score_adj(pid_t pid) const {
  const Fd file = kernel::open(fmt::format("/proc/{}/oom_score_adj", pid), O_WRONLY);
  const std::string score = std::to_string(*options_.oom_score_adj);
  if (kernel::note_call([&] { return write(file.get(), score.data(), score.size()); }, "write {} to oom_score_adj",
                        score) >= 0)
    return;
  const bool lower = errno == EACCES;
  throw Error("write " + score + " to oom_score_adj", errno,
              lower ? "to lower it needs CAP_SYS_RESOURCE, which this process lacks" : "it goes from -1000 to 1000");
}

// The filter comes later and may forbid prctl(2), so what the change of user undoes is done again at once.
void Confine::become(const User& user) const {
  const bool dies = kernel::dies_with_parent();
  try {
    set_groups(user.groups);
    kernel::setresgid(user.gid);
    if (options_.capabilities) kernel::keep_capabilities();
    kernel::setresuid(user.uid);
  } catch (Error& error) {
    if (error.code() == EINVAL)
      error.with_hint(
          "no id of the host stands for it: /etc/subuid and /etc/subgid must give this user more (see "
          "coracle doctor)");
    throw;
  }
  if (dies) kernel::die_with_parent();
}

void Confine::load_filter() const {
  if (!filter_) return;
  if (!options_.no_new_privileges) regain_effective();
  try {
    kernel::seccomp_set_filter(filter_->program, filter_->flags);
  } catch (Error& error) {
    if (error.code() == EACCES) error.with_hint("that needs CAP_SYS_ADMIN, or no-new-privileges");
    throw;
  }
}

}  // namespace

std::unique_ptr<Part> make_confine(ConfineOptions options) { return std::make_unique<Confine>(std::move(options)); }

}  // namespace coracle::parts
