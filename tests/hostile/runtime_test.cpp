// Published faults in the start of a container, tried on `coracle run`. What can be done with a root file system or a
// volume is in root_test.cpp, with an archive in archive_test.cpp, with capabilities, users and masks in
// confine_test.cpp.
//
//   CVE-2019-5736                  no process of a container is our program, and it cannot be changed
//   CVE-2024-21626                 a descriptor of the host is not open in a container, nor its working directory
//   CVE-2019-19921, 2023-27561,
//   2023-28642, 2026-41579         an image whose /proc, /sys or /dev is a link is refused (races: root_test.cpp)
//   CVE-2021-30465, 2024-45310     root_test.cpp: a mount point that is exchanged for a link ...
//   CVE-2019-16884                 what is mounted over /proc is refused
//   CVE-2026-55686                 a working directory behind a link of the image is made inside
//   CVE-2024-9676, 2026-47262      an /etc/passwd that is a fifo, a link, or huge
//   CVE-2022-1227, 2019-14271,
//   2026-41567                     no program or library of the image serves us
//   CVE-2021-21284, 41091, 41103   other users of the host reach nothing of a container's files
//   CVE-2020-15257                 no abstract socket of ours
//   CVE-2021-3602                  the environment of the caller stays outside
//   moby 4f84bcb967                names that are paths
//   log injection                  names and errors carry no control characters to the terminal
//   CVE-2021-20199, 2025-54388     lessons/06_network_test.cpp: who calls is seen; one address is one address
#include <algorithm>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostile/hostile.hpp"
#include "kernel/fd.hpp"
#include "support/session.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

// An open descriptor of a directory that every program we start inherits, as a runtime with a leak would have it.
class LeakedDirectory {
 public:
  explicit LeakedDirectory(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_DIRECTORY)) {}
  ~LeakedDirectory() { close(number_); }
  LeakedDirectory(const LeakedDirectory&) = delete;
  LeakedDirectory& operator=(const LeakedDirectory&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

struct Inode {
  dev_t device;
  ino_t number;
  bool operator==(const Inode& other) const { return device == other.device && number == other.number; }
};

Inode inode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return {status.st_dev, status.st_ino};
}

// All processes below `pid`, itself not among them.
std::vector<pid_t> descendants(pid_t pid) {
  std::vector<pid_t> all;
  const std::string children = kernel::read_file(fmt::format("/proc/{0}/task/{0}/children", pid));
  for (std::size_t begin = 0; begin < children.size();) {
    const std::size_t end = children.find(' ', begin);
    all.push_back(static_cast<pid_t>(std::stol(children.substr(begin, end - begin))));
    for (const pid_t below : descendants(all.back())) all.push_back(below);
    begin = end + 1;
  }
  return all;
}

// Ends the container; `coracle run` unmakes it.
void end(Running& running) {
  kill(running.child(), SIGKILL);
  CHECK(running.wait().status == 128 + SIGKILL);
}

std::string program_digest() { return sha256(read_file(test::coracle())); }

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

bool has_control_characters(const std::string& text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') || c == 0x7f) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("an image that names /proc/self/exe as its program does not start ours, nor change it") {
  const HostileHome home;
  const std::string before = program_digest();
  Tar scripts;
  scripts.add({.name = "again", .content = "#!/proc/self/exe\n", .mode = 0755});
  scripts.symlink("link", "/proc/self/exe");
  home.import_image("again", scripts);
  for (const Words& command : {Words{"/proc/self/exe", "--help"}, Words{"/again"}, Words{"/link", "--help"},
                               Words{"/proc/1/exe", "--help"}, Words{"/proc/self/fd/3"}}) {
    for (const Words& options : {Words{}, Words{"--init"}}) {
      const Result result = home.start(options, "again", command);
      INFO(command[0] << ": " << result.out << result.err);
      CHECK(result.status != 0);
      CHECK_FALSE(contains(result.out, "coracle"));
    }
  }
  CHECK(program_digest() == before);
}

TEST_CASE("no process of a container is our program, with --init neither, so none can open it for writing") {
  const HostileHome home;
  const std::string before = program_digest();
  for (const std::string option : {"--rm", "--init"}) {
    Running running(
        home.command({"run", "--rm", "--net", "none", option, "busybox", "sh", "-c",
                      "for exe in /proc/[0-9]*/exe; do (: >>$exe) 2>&1; done; sleep 1000 & echo ready; wait"}));
    running.read_until("ready\n");
    const std::vector<pid_t> processes = descendants(running.pid());
    CHECK(processes.size() >= 2);
    for (const pid_t pid : processes) {
      INFO(option << ": process " << pid);
      CHECK_FALSE(inode_of(fmt::format("/proc/{}/exe", pid)) == inode_of(test::coracle()));
    }
    CHECK(program_digest() == before);
    end(running);
  }
}

TEST_CASE("a directory of the host that was left open is not open in the container") {
  const Canary canary;
  const HostileHome home;
  const LeakedDirectory leak(canary.path());
  const Result result = home.start({}, "busybox", {"sh", "-c", "ls /proc/1/fd; true"});
  CHECK(result.out == "0\n1\n2\n");
  const Result with_init = home.start({"--init"}, "busybox", {"sh", "-c", "ls /proc/1/fd; ls /proc/$$/fd; true"});
  CHECK(with_init.out == "0\n1\n2\n0\n1\n2\n");
}

TEST_CASE("a working directory of /proc/self/fd/N does not lead to the host") {
  const Canary canary;
  const HostileHome home;
  const LeakedDirectory leak(canary.path());
  REQUIRE(leak.number() <= 12);
  for (int number = 0; number <= 12; ++number) {
    const std::string directory = fmt::format("/proc/self/fd/{}", number);
    home.import_image("leak", Tar().symlink("link", directory), {"WORKDIR " + directory});
    for (const Words& options : {Words{}, Words{"-w", directory + "/"}, Words{"-w", "/link"}}) {
      const Result result =
          home.start(options, "leak", {"sh", "-c", "cat file; cat ../../../../.." + canary.path() + "/file"});
      INFO(directory << ": " << result.err);
      CHECK_FALSE(contains(result.out, "secret"));
      CHECK(result.status != 0);
    }
  }
  CHECK(canary.is_untouched());
}

TEST_CASE("an image whose /proc, /sys or /dev is a link is refused") {
  const Canary canary;
  for (const std::string place : {"proc", "sys", "dev"}) {
    const HostileHome home;
    home.import_image("link", Tar().add({.name = ".wh." + place}).symlink(place, canary.path()));
    const Result result = home.start({}, "link", {"echo", "it ran"});
    INFO(place << ": " << result.err);
    CHECK(result.status == 125);
    CHECK(result.out.empty());
    CHECK(contains(result.err, "symbolic link"));
    CHECK(canary.is_untouched());
  }
}

TEST_CASE("what would be mounted over /proc is refused, or /proc stays the kernel's") {
  const HostileHome home;
  home.import_image("volume", Tar(), {"VOLUME /proc"});
  const std::string script = "cat /proc/1/stat";
  const Result of_image = home.start({}, "volume", {"sh", "-c", script});
  CHECK((of_image.status == 125 || of_image.out.rfind("1 (", 0) == 0));
  home.import_image("linked", Tar().symlink("data", "/proc").symlink("self", "/proc/self"));
  for (const std::string place :
       {"/proc", "/proc/self", "/proc/sys/kernel", "/data", "/proc/../proc", "/data/sys", "/self"}) {
    for (const Words& options : {Words{"-v", "shared:" + place}, Words{"--tmpfs", place}}) {
      const Result result = home.start(options, "linked", {"sh", "-c", script});
      INFO(options[0] << " " << place << ": " << result.err);
      CHECK(result.status == 125);
      CHECK(contains(result.err, "/proc"));
    }
  }
}

TEST_CASE("a working directory behind a link of the image is made inside the container") {
  const Canary canary;
  const HostileHome home;
  home.import_image("link", Tar().symlink("link", canary.path()).symlink("up", "../../../../../.." + canary.path()));
  for (const std::string directory : {"/link/made/here", "/up/made/here", "/link/../made", "/../../../made"}) {
    const Result result = home.start({"-w", directory}, "link", {"sh", "-c", "pwd -P; cat file"});
    INFO(directory << ": " << result.err);
    CHECK_FALSE(contains(result.out, "secret"));
    CHECK(canary.is_untouched());
  }
  CHECK_FALSE(kernel::exists("/made"));
}

TEST_CASE("an /etc/passwd or /etc/group that is no regular file is as none, and nobody waits for it") {
  const Canary canary;
  write_file(canary.path() + "/passwd", "spy:x:4242:4242::/:/bin/sh\n");
  for (const std::string file : {"etc/passwd", "etc/group"}) {
    const HostileHome home;
    const auto whiteout = [&] { return Tar().add({.name = "etc/.wh." + file.substr(4)}); };
    home.import_image("fifo", whiteout().add({.name = file, .type = '6'}));
    home.import_image("zero", whiteout().add({.name = file, .type = '3', .device_major = 1, .device_minor = 5}));
    home.import_image("outside", whiteout().symlink(file, canary.path() + "/passwd"));
    home.import_image("circle", whiteout().symlink(file, "/" + file));
    home.import_image("directory", whiteout().directory(file));
    for (const std::string image : {"fifo", "zero", "outside", "circle", "directory"}) {
      INFO(file << " of " << image);
      const Result number = home.start({"-u", "1234"}, image, {"grep", "Uid", "/proc/self/status"});
      CHECK((number.out.rfind("Uid:\t1234\t", 0) == 0 || number.status == 125));
      const Result name = home.start({"-u", file == "etc/passwd" ? "spy" : "1:spy"}, image, {"echo", "it ran"});
      CHECK(name.status == 125);
      CHECK(name.out.empty());
    }
  }
}

TEST_CASE("a huge /etc/passwd or /etc/group costs us no memory, and the error names it") {
  for (const std::string file : {"etc/passwd", "etc/group"}) {
    const HostileHome home;
    std::string rows;
    while (rows.size() < 64 * 1024 * 1024) rows += fmt::format("name{}:x:7:7::/:/bin/sh\n", rows.size());
    home.import_image("huge", Tar().add({.name = file, .content = rows}));
    const std::string user = file == "etc/passwd" ? "name0" : "1:name0";
    Words words = {"sh", "-c", "ulimit -v 60000; exec \"$@\"", "sh"};
    for (const std::string& word : home.command(HostileHome::start_words({"-u", user}, "huge", {"true"}))) {
      words.push_back(word);
    }
    const Result result = run(words);
    INFO(file << ": " << result.err);
    CHECK((result.status == 0 || (result.status == 125 && contains(result.err, "/" + file))));
  }
}

TEST_CASE("no program and no library of the image is run or loaded for us") {
  const HostileHome home;
  Tar traps;
  const TarEntry trap = {.content = "#!/bin/sh\necho trapped >>/mark/trapped\n", .mode = 0755};
  for (const char* directory : {"bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"}) {
    for (const char* name :
         {"nsenter", "newuidmap", "newgidmap", "unpigz", "gzip", "xz", "zstd", "tar", "nft", "iptables", "ip",
          "modprobe", "mount", "umount", "ldconfig", "pasta", "runc", "crun", "coracle"}) {
      TarEntry entry = trap;
      entry.name = std::string(directory) + "/" + name;
      traps.add(entry);
    }
  }
  traps.file("etc/nsswitch.conf", "passwd: trap\ngroup: trap\n").file("etc/ld.so.preload", "/lib/trap.so\n");
  traps.file("lib/libnss_trap.so.2", "no library");
  home.import_image("traps", traps, {"USER www-data"});
  const std::string mark = home.path() + "/mark";
  const Result result = home.start({"-v", mark + ":/mark", "--init"}, "traps", {"sh", "-c", "echo the program"});
  INFO(result.err);
  CHECK(result.out == "the program\n");
  CHECK(fs::is_empty(mark));
}

TEST_CASE("another user of the host reaches no file of an image, a container or a volume") {
  const HostileHome home;
  Tar layer;
  layer.add({.name = "bin/setuid", .content = "#!/bin/sh\n", .mode = 04755});
  home.import_image("setuid", layer);
  Running running(home.command(HostileHome::start_words({"-v", "data:/data"}, "setuid",
                                                        {"sh", "-c", "chmod 777 /data; echo ready; exec sleep 1000"})));
  running.read_until("ready\n");
  const Words as_nobody = {"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"};
  const auto nobody = [&](const Words& command) {
    Words words = as_nobody;
    words.insert(words.end(), command.begin(), command.end());
    return run(words);
  };
  const std::string run_root = scratch() + "/run";
  REQUIRE(nobody({"stat", home.path()}).status == 0);
  Words folders = {home.path() + "/layers", home.path() + "/containers", home.path() + "/volumes",
                   home.path() + "/blobs"};
  for (const auto& entry : fs::directory_iterator(run_root)) folders.push_back(entry.path());
  REQUIRE(folders.size() >= 5);  // with the cache of seccomp filters, when a lesson ran before
  for (const std::string& folder : folders) {
    INFO(folder << fmt::format(" {:o}", mode_of(folder)));
    CHECK((mode_of(folder) & 0066) == 0);
    CHECK(nobody({"ls", folder}).status != 0);
  }
  const Result found = nobody({"sh", "-c", "find " + home.path() + " " + run_root + " -type f -readable 2>/dev/null"});
  INFO(found.out);
  CHECK_FALSE(contains(found.out, "setuid"));
  CHECK(nobody({"ls", fmt::format("/proc/{}/root/", descendants(running.pid()).at(0))}).status != 0);
  end(running);
}

TEST_CASE("a container on the host's network finds no abstract socket of ours") {
  const HostileHome home;
  const auto count = [](const std::string& text) { return std::count(text.begin(), text.end(), '@'); };
  const auto before = count(kernel::read_file("/proc/net/unix"));
  const Result result = home.run({"run", "--rm", "--net", "host", "busybox", "cat", "/proc/net/unix"});
  CHECK(result.status == 0);
  CHECK(count(result.out) == before);
}

TEST_CASE("the caller's environment stays outside") {
  const HostileHome home;
  setenv("CORACLE_TEST_SENTINEL", "sentinel-7d1f", 1);
  const Result result = home.run({"run", "--rm", "--net", "none", "--init", "busybox", "sh", "-c",
                                  "env; cat /proc/*/environ | tr '\\0' '\\n'; cat /proc/*/cmdline | tr '\\0' '\\n'"});
  unsetenv("CORACLE_TEST_SENTINEL");
  CHECK(result.status == 0);
  CHECK_FALSE(contains(result.out, "sentinel-7d1f"));
  CHECK_FALSE(contains(result.out, home.path()));
}

TEST_CASE("a name of a container, an image or a volume that is a path or carries control characters is refused") {
  const Canary canary;
  const HostileHome home;
  const std::string up = "../../../../../../../.." + canary.path() + "/x";
  for (const std::string& name :
       {up, std::string(".."), std::string("."), std::string("a/b"), std::string("a\nb"), std::string("a\x1b[31mb"),
        std::string(300, 'a'), std::string("-x"), std::string("a b"), std::string("\xff\xfe")}) {
    INFO(name);
    const Result named = home.start({"--name=" + name}, "busybox", {"true"});
    CHECK(named.status == 125);
    CHECK_FALSE(has_control_characters(named.err));
    const bool path_of_the_host = name[0] == '.';  // as docker has it, from the working directory
    if (!path_of_the_host) {
      const Result volume = home.start({"-v", name + ":/data"}, "busybox", {"true"});
      CHECK(volume.status == 125);
      CHECK_FALSE(has_control_characters(volume.err));
    }
    const Result image = home.start({}, name + ":" + name, {"true"});
    CHECK(image.status == 125);
    CHECK_FALSE(has_control_characters(image.err));
    CHECK(home.run({"import", busybox_layer(), name + ":" + name}).status != 0);
  }
  CHECK(canary.is_untouched());
}

TEST_CASE("what an image says is printed without its control characters") {
  const HostileHome home;
  const std::string escape = "\x1b]0;owned\x07\x1b[2J\r";
  home.import_image("program", Tar(), {"CMD [\"/no/such/\\u001b[2J\\r\\u0007program\\nsecond line\"]"});
  home.import_image("user", Tar(), {"USER nobody\x1b[2J"});
  home.import_image("directory", Tar().symlink("link", "/proc/" + escape), {"WORKDIR /link/" + escape});
  for (const std::string image : {"program", "user", "directory"}) {
    const Result result = home.start({}, image, {});
    INFO(image << ": " << result.err);
    CHECK(result.status >= 125);
    CHECK_FALSE(has_control_characters(result.err));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
  CHECK_FALSE(has_control_characters(home.run({"images"}).out));
}
