// coracle doctor, on hosts from which one thing has been taken away.
#include <filesystem>
#include <sstream>

#include "support/ordinary_user.hpp"
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

TEST_CASE("doctor tells an ordinary user what containers without root stand on") {
  const OrdinaryUser user(OrdinaryUser::Ids::none);
  const Result result = user.run({"doctor"});
  INFO(result.out << result.err);
  for (const char* what : {"clone3", "namespaces: mount", "namespaces: pid, uts, ipc, cgroup, net", "user namespaces",
                           "newuidmap, newgidmap", "overlay in a user namespace", "/dev/net/tun for everybody"}) {
    CHECK(!finding(result, "ok", what).empty());
  }
  CHECK(has(finding(result, "missing", "ids in /etc/subuid and /etc/subgid"),
            "mend: usermod --add-subuids 100000-165535"));
  CHECK(has(finding(result, "missing", "ids in /etc/subuid and /etc/subgid"), "rower"));
  CHECK(!has(result.out, "bridge"));
  CHECK(has(result.out, "sudo coracle doctor"));
  CHECK(result.status == 0);
}

TEST_CASE("doctor finds the ids of an ordinary user, and a newuidmap that is not setuid") {
  const OrdinaryUser user;
  CHECK(!finding(user.run({"doctor"}), "ok", "ids in /etc/subuid and /etc/subgid").empty());
  const std::string copy = user.home() + "/../newuidmap";
  std::filesystem::copy_file("/usr/bin/newuidmap", copy);
  std::filesystem::permissions(copy, std::filesystem::perms(0755));
  REQUIRE(run({"mount", "--bind", copy, "/usr/bin/newuidmap"}).status == 0);
  const Result result = user.run({"doctor"});
  run({"umount", "/usr/bin/newuidmap"});
  CHECK(has(finding(result, "missing", "newuidmap, newgidmap"), "is not setuid"));
  CHECK(has(finding(result, "missing", "newuidmap, newgidmap"), "mend: apt-get install uidmap"));
}

// The limit is kept for each user namespace, so a namespace can forbid itself further ones.
TEST_CASE("where user namespaces are forbidden to users, doctor and run name the switch") {
  const OrdinaryUser user;
  const auto forbidden = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = {"unshare",
                                    "--user",
                                    "--map-current-user",
                                    "--keep-caps",
                                    "sh",
                                    "-c",
                                    "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\"",
                                    user.program(coracle::test::coracle())};
    all.insert(all.end(), words.begin(), words.end());
    return run(user.command(all));
  };
  const Result doctor = forbidden({"doctor"});
  INFO(doctor.out << doctor.err);
  CHECK(has(finding(doctor, "missing", "user namespaces"), "mend: sysctl -w user.max_user_namespaces=10000"));
  CHECK(doctor.status == 1);
  const Result refused = forbidden({"run", "busybox", "true"});
  CHECK(refused.status == 125);
  CHECK(has(refused.err, "sysctl -w user.max_user_namespaces=10000"));
}
