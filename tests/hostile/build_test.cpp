// Dockerfiles, contexts and images that try to reach the host through a build.
#include <filesystem>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "hostile/hostile.hpp"
#include "kernel/inode.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

class Yard : public HostileHome {
 public:
  const Canary canary;

  ~Yard() {
    CHECK(canary.is_untouched());
    CHECK(kernel::list(kernel::open(path() + "/tmp", O_RDONLY | O_DIRECTORY)).empty());
  }

  std::string at(const std::string& name) const { return context_.path() + "/" + name; }

  Result build(const std::string& dockerfile) const {
    write_file(at("Dockerfile"), dockerfile);
    return run({"build", "--network=none", "-t", "made", context_.path()});
  }

  // Must come to an image, from which the script prints this.
  void check_builds(const std::string& dockerfile, const std::string& script, const std::string& out) const {
    const Result built = build(dockerfile);
    INFO(dockerfile << built.out << built.err);
    CHECK(built.status == 0);
    CHECK(run({"run", "--rm", "--net", "none", "--entrypoint", "sh", "made", "-c", script}).out == out);
  }

  // Must end as an error of one line.
  void check_refuses(const std::string& dockerfile) const {
    const Result built = build(dockerfile);
    INFO(dockerfile << built.out << built.err);
    CHECK(built.status == 125);
    CHECK(built.err.find('\n') == built.err.size() - 1);
    CHECK_FALSE(contains(built.out + built.err, "secret"));
  }

 private:
  TemporaryDirectory context_;
};

}  // namespace

TEST_CASE("no link and no path of a context leads out of it") {
  const Yard yard;
  fs::create_directory(yard.at("d"));
  fs::create_symlink(yard.canary.path() + "/file", yard.at("link"));
  fs::create_directory_symlink(yard.canary.path(), yard.at("out"));
  fs::create_symlink(yard.canary.path() + "/file", yard.at("d/link"));
  fs::create_directory_symlink("/proc/self/root", yard.at("magic"));
  for (const std::string& source :
       Words{"link", "out/file", "out", "*/file", "../../../" + yard.canary.path() + "/file",
             yard.canary.path() + "/file", std::string("magic/etc/hostname")})
    yard.check_refuses("FROM busybox\nCOPY " + source + " /x\n");
  yard.check_builds("FROM busybox\nCOPY d /d\n", "readlink /d/link", yard.canary.path() + "/file\n");
}

TEST_CASE("a Dockerfile and a .dockerignore that are links are looked for inside the context") {
  const Yard yard;
  const TemporaryDirectory context;
  write_file(yard.at("real"), "FROM busybox\n");
  fs::create_symlink(yard.at("real"), context.path() + "/Dockerfile");
  CHECK(yard.run({"build", context.path()}).status == 125);
  const Result tar = yard.run({"build", "-"}, Tar().symlink("Dockerfile", yard.canary.path() + "/file").bytes());
  CHECK(tar.status == 125);
  CHECK_FALSE(contains(tar.err, "secret"));
  REQUIRE(mkfifo((yard.at(".dockerignore")).c_str(), 0600) == 0);
  yard.check_builds("FROM busybox\n", "echo here", "here\n");
}

TEST_CASE("a context on stdin writes nothing outside") {
  const Yard yard;
  const std::string up = "../../../../../../.." + yard.canary.path() + "/evil";
  CHECK(yard.run({"build", "-"}, Tar().file("Dockerfile", "FROM busybox\n").file(up, "x").bytes()).status == 125);
  const Result result = yard.run({"build", "-"}, Tar()
                                                     .file("Dockerfile", "FROM busybox\nCOPY out/evil /x\n")
                                                     .symlink("out", yard.canary.path())
                                                     .file("out/evil", "x")
                                                     .bytes());
  INFO(result.err);
  CHECK(result.status == 0);
}

TEST_CASE("COPY --from an image whose links lead to the host finds the image's own files alone") {
  const Yard yard;
  yard.import_image("evil", Tar()
                                .symlink("link", yard.canary.path())
                                .symlink("magic", "/proc/self/root" + yard.canary.path())
                                .symlink("up", "../../../../.." + yard.canary.path() + "/file"));
  for (const char* source : {"/link/file", "/magic/file", "/up", "/proc/self/environ", "/proc/1/root/etc/passwd"})
    yard.check_refuses(std::string("FROM busybox\nCOPY --from=evil ") + source + " /x\n");
}

TEST_CASE("what a build writes stays in the image, whatever links are in it") {
  const Yard yard;
  write_file(yard.at("f"), "copied");
  fs::create_directory(yard.at("d"));
  write_file(yard.at("d/f"), "copied");
  write_file(yard.at("a.tar"), Tar().symlink("l", yard.canary.path()).file("l/unpacked", "x").bytes());
  write_file(yard.at("b.tar"), Tar().file("../../../.." + yard.canary.path() + "/x", "x").bytes());
  yard.import_image("evil", Tar()
                                .symlink("out", yard.canary.path())
                                .symlink("file", yard.canary.path() + "/file")
                                .symlink("magic", "/proc/self/root" + yard.canary.path()));
  // Seen by a second stage: a container has a /dev of its own, and the canary lies below that.
  yard.check_builds(
      "FROM evil\nCOPY f /out/\nCOPY d /out/d\nCOPY f /file\nCOPY d /magic\nADD a.tar /out/\nWORKDIR /out/w\n"
      "COPY <<x /out/document\ntext\nx\nFROM busybox\nCOPY --from=0 " +
          yard.canary.path() + " /seen\nCOPY --from=0 /file /magic /seen/\n",
      "cd /seen; cat document f d/f file; ls -d w; readlink l",
      "text\ncopiedcopiedcopiedw\n" + yard.canary.path() + "\n");
  yard.check_refuses("FROM evil\nADD b.tar /out/\n");
}

TEST_CASE("an /etc/passwd that is a link to the host's, a fifo or a device names nobody") {
  const Yard yard;
  write_file(yard.at("f"), "f");
  for (const char* made : {"ln -s /proc/self/root/etc/passwd /etc/passwd", "mkfifo /etc/passwd", "mkdir /etc/passwd",
                           "mknod /etc/passwd c 1 5 || mkfifo /etc/passwd"}) {
    yard.check_refuses(std::string("FROM busybox\nRUN rm /etc/passwd; ") + made + "\nCOPY --chown=daemon f /x\n");
  }
}

TEST_CASE("a RUN that takes the root file system apart harms the image alone") {
  const Yard yard;
  yard.check_builds("FROM busybox\nRUN rm -rf /etc /tmp /dev /proc /sys 2>/dev/null; ln -s " + yard.canary.path() +
                        " /etc; ln -s /etc /tmp; true\nRUN echo >/etc/hosts; echo again\n",
                    "echo alive", "alive\n");
}

TEST_CASE("processes that RUN leaves behind end with it") {
  const Yard yard;
  yard.check_builds(
      "FROM busybox\nRUN (trap '' HUP TERM INT; while :; do sleep 1; done) >/dev/null 2>&1 & setsid sleep 1000 "
      ">/dev/null 2>&1 & echo >/made\n",
      "ls /made", "/made\n");
}

TEST_CASE("fifos, sockets and devices of a context make nobody wait") {
  const Yard yard;
  fs::create_directory(yard.at("d"));
  REQUIRE(mkfifo(yard.at("d/fifo").c_str(), 0600) == 0);
  REQUIRE(mknod(yard.at("d/zero").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0);
  yard.check_builds("FROM busybox\nCOPY d /d\nADD d/fifo d/zero /e/\n", "cd /d; ls -l fifo zero | cut -c1", "p\nc\n");
}

TEST_CASE("a program of RUN is as confined as one of run, and sees nothing of the build") {
  const Yard yard;
  const std::string confined = yard.start({}, "busybox", {"grep", "-E", "Cap|Seccomp:", "/proc/self/status"}).out;
  yard.check_builds(
      "FROM busybox\nRUN grep -E 'Cap|Seccomp:' /proc/self/status >/status; ls /proc/self/fd >/fds; cut -d' ' "
      "-f5 /proc/self/mountinfo | grep -c overlay >/mounts; readlink /proc/self/fd/0 >>/mounts\n",
      "cat /status /fds /mounts", confined + "0\n1\n2\n3\n0\n/dev/null\n");
}

TEST_CASE("what an image's ONBUILD says is read as a Dockerfile is") {
  const Yard yard;
  yard.import_image("evil", Tar().file("x"));
  yard.check_refuses("FROM evil\nONBUILD FROM busybox\n");
  yard.check_refuses("FROM evil\nONBUILD ONBUILD RUN true\n");
  CHECK(yard.build("FROM evil\nONBUILD COPY nothing /x\n").status == 0);
  yard.check_refuses("FROM made\n");
}
