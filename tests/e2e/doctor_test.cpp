// coracle doctor, on hosts from which one thing has been taken away.
#include <filesystem>
#include <sstream>

#include "support/support.hpp"

using namespace coracle::test;

namespace {

// Runs `coracle doctor` after `preparation`, a line of shell, in a mount namespace of its own.
Result doctor_after(const std::string& preparation) {
  return run({"unshare", "--mount", "sh", "-c", preparation + " && exec \"$0\" doctor", coracle::test::coracle()});
}

// The line that begins with `verdict` and `what`, and those below it that belong to it; "" when there is none.
std::string finding(const Result& result, const std::string& verdict, const std::string& what) {
  std::istringstream lines(result.out);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const bool begins = line.starts_with(verdict) && line.find("  " + what + "  ") != std::string::npos;
    if (begins || (!text.empty() && line.starts_with("    "))) text += line + "\n";
    if (!text.empty() && !begins && !line.starts_with("    ")) break;
  }
  return text;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("doctor finds the cgroups missing where they are not mounted, and says how to mount them") {
  const Result result = doctor_after("mount -t tmpfs none /sys/fs/cgroup");
  INFO(result.out << result.err);
  for (const char* controller : {"memory", "cpu", "cpuset", "pids", "io"}) {
    const std::string line = finding(result, "missing", std::string("cgroup: ") + controller);
    CHECK(has(line, "04-cgroups"));
    CHECK(has(line, "mend: mount -t cgroup2 cgroup2 /sys/fs/cgroup"));
  }
  CHECK(result.status == 1);
}

TEST_CASE("doctor finds forwarding missing where /proc/sys is read-only, and nothing else with it") {
  const std::string host_has = run({coracle::test::coracle(), "doctor"}).out;
  const Result result = doctor_after("mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys");
  INFO(result.out << result.err);
  const std::string line = finding(result, "missing", "forwarding");
  CHECK(has(line, "06-network"));
  CHECK(has(line, "EROFS"));
  CHECK(has(line, "mend: mount -o remount,rw /proc/sys"));
  CHECK(result.status == 1);
  CHECK(finding(result, "ok", "clone3") == finding({0, host_has, ""}, "ok", "clone3"));
  CHECK(finding(result, "ok", "bridge, veth") == finding({0, host_has, ""}, "ok", "bridge, veth"));
}

TEST_CASE("doctor finds nftables missing where there is no nft, and says how to install it") {
  const Result result = doctor_after("mount -t tmpfs none /usr/sbin && PATH=/nowhere");
  INFO(result.out << result.err);
  const std::string line = finding(result, "missing", "nftables");
  CHECK(has(line, "06-network"));
  CHECK(has(line, "mend: apt-get install nftables"));
  CHECK(result.status == 1);
}

TEST_CASE("doctor finds a data root on overlay unfit for layers, and leaves nothing in it") {
  const TemporaryDirectory directory;
  const std::string& path = directory.path();
  for (const char* name : {"lower", "upper", "work", "merged"}) std::filesystem::create_directory(path + "/" + name);
  const Result result = doctor_after(
      "cd " + path +
      " && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none merged && export CORACLE_ROOT=" + path +
      "/merged");
  INFO(result.out << result.err);
  const std::string line = finding(result, "missing", "overlay on " + path + "/merged");
  CHECK(has(line, "05-layers"));
  CHECK(has(line, "CORACLE_ROOT="));
  CHECK(result.status == 1);
  CHECK(std::filesystem::is_empty(path + "/upper"));
}

TEST_CASE("doctor tells a user without privileges what is missing and to use sudo") {
  const TemporaryDirectory directory;
  const std::string program = directory.path() + "/coracle";
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  std::filesystem::copy_file(coracle::test::coracle(), program);
  const Result result = run({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program, "doctor"});
  INFO(result.out << result.err);
  CHECK(has(finding(result, "missing", "root"), "mend: sudo coracle doctor"));
  CHECK(has(finding(result, "missing", "namespaces: mount"), "EPERM"));
  CHECK(has(finding(result, "ok", "clone3"), "01-process"));
  CHECK(result.status == 1);
}
