// coracle build, from outside: what a Dockerfile becomes, what is cached, what is refused.
#include <csignal>
#include <filesystem>

#include <sys/stat.h>

#include "e2e/podman.hpp"
#include "e2e/recipe.hpp"
#include "e2e/rootless.hpp"
#include "kernel/inode.hpp"
#include "launch/launch.hpp"
#include "parts/network/bridge.hpp"
#include "support/archive.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A data root with busybox, and a directory to build in.
class Workshop : public BusyboxHome {
 public:
  const std::string& context() const { return context_.path(); }

  void file(const std::string& name, const std::string& content = "x") const {
    fs::create_directories(fs::path(context() + "/" + name).parent_path());
    write_file(context() + "/" + name, content);
  }

  Result build(const std::string& dockerfile, const Words& options = {}) const {
    file("Dockerfile", dockerfile);
    Words words = {"build", "--network", "none", "-t", "made"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(context());
    return run(words);
  }

  void must_build(const std::string& dockerfile, const Words& options = {}) const {
    const Result result = build(dockerfile, options);
    INFO(result.out << result.err);
    REQUIRE(result.status == 0);
  }

  // What the image prints for a command of the shell.
  std::string says(const std::string& script) const {
    return run({"run", "--rm", "--net", "none", "--entrypoint", "sh", "made", "-c", script}).out;
  }

  std::string config() const {
    const std::string table = run({"images", "--no-trunc"}).out;
    const std::size_t id = table.find("sha256:", table.find("\nmade "));
    return kernel::read_file(path() + "/blobs/sha256/" + table.substr(id + 7, 64));
  }

  void check_nothing_staged() const { CHECK(entries("/tmp").empty()); }

  std::vector<std::string> entries(const std::string& folder) const {
    return kernel::list(kernel::open(path() + folder, O_RDONLY | O_DIRECTORY));
  }

 private:
  TemporaryDirectory context_;
};

}  // namespace

TEST_CASE("a build says its steps as docker does, and a second one makes none of them") {
  const Workshop shop;
  shop.file("a", "content\n");
  const std::string dockerfile = "FROM busybox\nRUN echo ran\nCOPY a /a\nWORKDIR /work\nENV A=1\nCMD cat /a\n";
  const Result first = shop.build(dockerfile);
  INFO(first.out << first.err);
  REQUIRE(first.status == 0);
  CHECK(contains(first.out, "Step 1/6 : FROM busybox\n ---> "));
  CHECK(contains(first.out, "\nStep 2/6 : RUN echo ran\nran\n ---> "));
  CHECK(contains(first.out, "\nSuccessfully built "));
  CHECK(contains(first.out, "\nSuccessfully tagged made:latest\n"));
  CHECK_FALSE(contains(first.out, "Using cache"));
  CHECK(shop.run({"run", "--rm", "--net", "none", "made"}).out == "content\n");

  const Result second = shop.build(dockerfile);
  CHECK(contains(second.out, "RUN echo ran\n ---> Using cache\n ---> "));
  CHECK(second.out.substr(second.out.find("Successfully")) == first.out.substr(first.out.find("Successfully")));
  CHECK_FALSE(contains(second.out, "\nran\n"));
  shop.file("a", "other\n");
  const Result third = shop.build(dockerfile);
  CHECK(contains(third.out, "RUN echo ran\n ---> Using cache\n"));
  CHECK(shop.run({"run", "--rm", "--net", "none", "made"}).out == "other\n");
  CHECK(contains(shop.build(dockerfile, {"--no-cache"}).out, "\nran\n"));
  CHECK(shop.build(dockerfile, {"-q", "--no-cache"}).out.size() == 72);
  const Result failed = shop.build("FROM busybox\nRUN echo why; echo how >&2; exit 1\n", {"-q"});
  CHECK(failed.out.empty());
  CHECK(failed.err.rfind("why\nhow\ncoracle: Dockerfile:2: ", 0) == 0);
  shop.check_nothing_staged();
}

TEST_CASE("every setting is in the configuration") {
  const Workshop shop;
  shop.must_build(
      "FROM busybox\nMAINTAINER me\nENV A=1 B=\"2 3\"\nENV C $A$B\nLABEL l=\"$A\"\nEXPOSE 80 53/udp\nVOLUME /data\n"
      "USER 33\nSTOPSIGNAL SIGQUIT\nSHELL [\"/bin/sh\", \"-ec\"]\nCMD echo $A\nONBUILD RUN true\n"
      "HEALTHCHECK --interval=5s --retries=2 CMD true\nARG X=1\n",
      {"--label", "k=v", "--iidfile", shop.context() + "/id"});
  const std::string config = shop.config();
  for (const char* part :
       {R"("author":"me")", R"("Env":["A=1","B=2 3","C=12 3"])", R"("Labels":{"k":"v","l":"1"})", R"("80/tcp":{})",
        R"("53/udp":{})", R"("Volumes":{"/data":{}})", R"("User":"33")", R"("StopSignal":"SIGQUIT")",
        R"("Shell":["/bin/sh","-ec"])", R"("Cmd":["/bin/sh","-ec","echo $A"])", R"("OnBuild":["RUN true"])",
        R"("Healthcheck":{"Interval":5000000000,"Retries":2,"Test":["CMD-SHELL","true"]})",
        R"("created_by":"USER 33","empty_layer":true)"}) {
    INFO(part << " in " << config);
    CHECK(contains(config, part));
  }
  CHECK("sha256:" + sha256(config) == read_file(shop.context() + "/id"));
}

TEST_CASE("RUN has a shell, an exec form, here-documents, and the variables in scope") {
  const Workshop shop;
  shop.must_build(
      "FROM busybox\nARG A=arg\nARG B\nENV B=env\n"
      "RUN echo $A $B >/shell\nRUN [\"sh\", \"-c\", \"echo $A >/exec; echo \\\"$0\\\" >>/exec\", \"zero\"]\n"
      "RUN <<EOF\necho one >/document\necho $A >>/document\nEOF\n"
      "RUN <<'EOF'\n#!/bin/cat\nscript\nEOF\n"
      "RUN cat <<'EOF' >/quoted && echo after >>/quoted\n$A\nEOF\n"
      "SHELL [\"/bin/sh\", \"-c\", \"echo other shell >/other\"]\nRUN ignored\n",
      {"--build-arg", "A=given", "--build-arg", "B=hidden"});
  CHECK(shop.says("cat /shell /exec /document /quoted /other") ==
        "given env\ngiven\nzero\none\ngiven\n$A\nafter\nother shell\n");
  CHECK(shop.says("ls -a / | grep coracle; echo $A $B") == "env\n");
}

TEST_CASE("RUN has the network of a container, or the one that is asked for") {
  const Workshop shop;
  shop.file("Dockerfile",
            "FROM busybox\nRUN ls /sys/class/net >/nets\nRUN --network=none ls /sys/class/net >>/nets\n"
            "RUN cat /etc/resolv.conf /etc/hosts >/files\n");
  const Result result = shop.run({"build", "-t", "made", shop.context()});
  INFO(result.out << result.err);
  REQUIRE(result.status == 0);
  CHECK(shop.says("cat /nets") == "eth0\nlo\nlo\n");
  CHECK(contains(shop.says("cat /files"), "127.0.0.1"));
  parts::give_back_address(launch::default_run_root(), "coracle0", "", false);  // the network stays, as docker0 does
}

TEST_CASE("arguments belong to their stage, and one that nobody declares is warned of") {
  const Workshop shop;
  const std::string dockerfile =
      "ARG BASE=nothing\nARG G=global\nFROM $BASE AS one\nARG G\nARG TARGETARCH\nRUN echo $G $TARGETARCH >/one\n"
      "FROM one\nRUN echo \"<$G>\" >/two\n";
  const Result result = shop.build(dockerfile, {"--build-arg", "BASE=busybox", "--build-arg", "NOBODY=1"});
  INFO(result.err);
  REQUIRE(result.status == 0);
  CHECK(contains(result.out, "[Warning] One or more build-args [NOBODY] were not consumed"));
  CHECK(contains(shop.says("cat /one /two"), "global a"));
  CHECK(contains(shop.says("cat /two"), "<>"));
  CHECK(shop.build(dockerfile).status == 125);
}

TEST_CASE("COPY puts files where docker puts them") {
  const Workshop shop;
  shop.file("a", "a");
  shop.file("b.txt", "b");
  shop.file("c.txt", "c");
  shop.file("d/x", "x");
  shop.file("d/sub/y", "y");
  fs::create_symlink("x", shop.context() + "/d/link");
  fs::create_symlink("d", shop.context() + "/to-d");
  REQUIRE(chown((shop.context() + "/a").c_str(), 5, 6) == 0);
  REQUIRE(chmod((shop.context() + "/a").c_str(), 04755) == 0);
  shop.must_build(
      "FROM busybox\nRUN mkdir -p /usr/real && ln -s usr/real /linked && ln -s /tmp /usr/real/deep && echo root:x:0: "
      ">/etc/group; echo web:x:44: >>/etc/group; echo web:x:33:44::/: >>/etc/passwd\n"
      "COPY a /file\nCOPY a /new/\nCOPY *.txt /texts/\nCOPY d /dir\nCOPY d/ /dir/again\nCOPY to-d/x /through\n"
      "COPY d /linked\nCOPY a /linked/deep/in\nWORKDIR /work\nCOPY a .\nCOPY [\"a\", \"b.txt\", \"both/\"]\n"
      "COPY --chown=web a /user\nCOPY --chown=7 a /seven\nCOPY --chown=web:0 --chmod=640 d /owned\n"
      "COPY <<A <<'B' /docs/\n$HOME${NO:-x}\nA\n$HOME\nB\nCOPY --from=busybox /etc/passwd /p\nADD a /added\n");
  CHECK(shop.says("cat /file /new/a /texts/b.txt /texts/c.txt /dir/x /dir/sub/y /dir/again/x /through "
                  "/usr/real/sub/y /tmp/in /work/a /work/both/a /work/both/b.txt /added") == "aabcxyxxyaaaba");
  CHECK(shop.says("readlink /dir/link; readlink /linked") == "x\nusr/real\n");
  CHECK(shop.says("stat -c '%u:%g %a' /file /user /seven /owned /owned/x") ==
        "0:0 4755\n33:44 4755\n7:7 4755\n33:0 640\n33:0 640\n");
  CHECK(shop.says("cat /docs/A /docs/B") == "x\n$HOME\n");
}

TEST_CASE("COPY into what is there keeps directories, and refuses to mix them up with files") {
  const Workshop shop;
  shop.file("d/x");
  shop.file("f");
  shop.must_build("FROM busybox\nRUN mkdir -m 700 /d && echo old >/d/old && echo f >/f\nCOPY d /d\nCOPY f /f\n");
  CHECK(shop.says("ls /d; stat -c %a /d; cat /f") == "old\nx\n700\nx");
  for (const char* bad : {"COPY d /f", "COPY d /etc/passwd/", "COPY f d /x", "COPY f /d/x/", "COPY none /x", "COPY /f",
                          "COPY --chmod=rwx f /x", "COPY --chown=nobody-here f /x", "COPY --from=nowhere/x:1 f /x",
                          "COPY --parents f /x", "ADD http://localhost/x /x", "COPY n* /x"}) {
    INFO(bad);
    const Result result =
        shop.build(std::string("FROM busybox\nRUN mkdir -p /d/x/f; rm -f /f; echo >/f\n") + bad + "\n");
    INFO(result.err);
    CHECK(result.status == 125);
    CHECK(contains(result.err, std::string("Dockerfile:3: ") + bad));
    CHECK(result.err.find('\n') == result.err.size() - 1);
  }
  shop.check_nothing_staged();
}

TEST_CASE("ADD unpacks local archives, and copies what is none") {
  const Workshop shop;
  shop.file("plain.tar", test::Tar().directory("in").file("in/x", "x").bytes());
  shop.file("small.tgz", test::gzip(test::Tar().file("y", "y").bytes()));
  shop.file("text.gz", test::gzip("no archive"));
  shop.must_build("FROM busybox\nADD plain.tar small.tgz text.gz /out/\nCOPY plain.tar /copied\n");
  CHECK(shop.says("ls /out; cat /out/in/x /out/y; tar -tf /copied") == "in\ntext.gz\ny\nxyin\nin/x\n");
}

TEST_CASE(".dockerignore leaves files out of the context") {
  const Workshop shop;
  for (const char* name : {"keep", "secret", "logs/a.log", "logs/b.txt", "node/x", "node/keep/y"}) shop.file(name);
  shop.file(".dockerignore", "secret\n**/*.log\nnode\n!node/keep\nDockerfile\n.dockerignore\n");
  shop.must_build("FROM busybox\nCOPY . /all\n");
  CHECK(shop.says("cd /all; find . -type f | sort") == "./keep\n./logs/b.txt\n./node/keep/y\n");
  CHECK(contains(shop.build("FROM busybox\nCOPY secret /x\n").err, ".dockerignore leaves it out"));
  shop.file("Dockerfile.dockerignore", "*\n!secret\n");
  shop.must_build("FROM busybox\nCOPY . /all\n");
  CHECK(shop.says("ls -A /all") == "secret\n");
}

TEST_CASE("stages are built on each other, those that nobody needs are not, and scratch is empty") {
  const Workshop shop;
  shop.must_build(
      "FROM busybox AS build\nRUN mkdir /out && echo one >/out/x && ln /out/x /out/y && chown 9 /out/x\n"
      "FROM busybox AS unused\nRUN false\nFROM scratch\nCOPY --from=busybox / /\nCOPY --from=build /out /from\n"
      "COPY --from=0 /out/x /zero\nRUN rm -r /home\nCMD [\"sh\"]\n");
  CHECK(shop.says("cat /from/x /zero; stat -c %u /from/x; ls -d /home") == "one\none\n9\n");
  shop.must_build("FROM busybox AS a\nCMD [\"echo\", \"a\"]\nFROM a AS b\nENTRYPOINT [\"echo\", \"b\"]\n",
                  {"--target", "a"});
  CHECK(shop.run({"run", "--rm", "--net", "none", "made"}).out == "a\n");
  shop.must_build("FROM busybox AS a\nCMD [\"echo\", \"a\"]\nFROM a AS b\nENTRYPOINT [\"echo\", \"b\"]\n");
  CHECK(shop.run({"run", "--rm", "--net", "none", "made"}).out == "b\n");
}

TEST_CASE("what ONBUILD left happens to whoever builds on the image") {
  const Workshop shop;
  shop.file("app", "app\n");
  shop.must_build("FROM busybox\nONBUILD COPY app /app\nONBUILD RUN cat /app >/copy\n", {"-t", "base"});
  const Result result = shop.build("FROM base\n");
  INFO(result.err);
  CHECK(contains(result.out, "# Executing 2 build trigger(s)"));
  CHECK(shop.says("cat /copy") == "app\n");
  CHECK_FALSE(contains(shop.config(), "OnBuild"));
}

TEST_CASE("a removed file is gone from the image, and a step without changes is an empty layer") {
  const Workshop shop;
  shop.must_build("FROM busybox\nRUN rm /etc/group && rm -r /home && mkdir /home\nRUN true\n");
  CHECK(shop.says("ls /home /etc/group 2>/dev/null; ls /etc") == "/home:\nhosts\npasswd\n");
}

TEST_CASE("the context comes as a tar on stdin, compressed or not, the Dockerfile alone or beside it") {
  const Workshop shop;
  const std::string tar = test::Tar().file("Dockerfile", "FROM busybox\nCOPY x /x\n").file("x", "from stdin").bytes();
  for (const std::string& input : {tar, test::gzip(tar), test::zstd(tar)}) {
    const Result result = shop.run({"build", "-t", "made", "--no-cache", "-"}, input);
    INFO(result.err);
    CHECK(result.status == 0);
    CHECK(shop.says("cat /x") == "from stdin");
  }
  CHECK(shop.run({"build", "--network=none", "-t", "made", "-"}, "FROM busybox\nRUN echo y >/x; cat\n").status == 0);
  CHECK(shop.says("cat /x") == "y\n");
  CHECK(contains(shop.run({"build", "-"}, "FROM busybox\nCOPY x /x\n").err, "Dockerfile:2: COPY x /x: "));
  shop.file("x", "beside");
  CHECK(shop.run({"build", "-t", "made", "-f", "-", shop.context()}, "FROM busybox\nCOPY x /x\n").status == 0);
  CHECK(shop.says("cat /x") == "beside");
  shop.file("other/File", "FROM busybox\nCOPY x /other\n");
  CHECK(shop.run({"build", "-t", "made", "-f", shop.context() + "/other/File", shop.context()}).status == 0);
  CHECK(shop.says("cat /other") == "beside");
  for (const char* remote : {"https://example.org/x.git", "git@example.org:x", "github.com/x/y"})
    CHECK(contains(shop.run({"build", remote}).err, "fetch it first"));
  CHECK(shop.run({"build", "/no/such/directory"}).status == 125);
  shop.check_nothing_staged();
}

TEST_CASE("a command that fails ends the build with its line and its status, and what was made before is kept") {
  const Workshop shop;
  const Result result = shop.build("FROM busybox\n\nRUN echo one\n# comment\nRUN echo two; \\\n  exit 7\n");
  CHECK(result.status == 1);
  CHECK(contains(result.err, "Dockerfile:5: RUN echo two;   exit 7: "));
  CHECK(contains(result.err, "status 7"));
  CHECK(contains(result.out, "\ntwo\n"));
  shop.check_nothing_staged();
  CHECK(contains(shop.build("FROM busybox\nRUN echo one\n").out, "Using cache"));
  CHECK(contains(shop.build("FROM busybox\nRUN [\"/no/program\"]\n").err, "Dockerfile:2: RUN [\"/no/program\"]: "));
  CHECK(contains(shop.build("FROM busybox\nWHAT x\n").err, "Dockerfile:2: WHAT x: "));
  CHECK(contains(shop.build("FROM busybox\nRUN --mount=type=cache,target=/x true\n").err, "--mount"));
}

TEST_CASE("the same inputs give the same image in another store at SOURCE_DATE_EPOCH") {
  std::string outcomes[2];
  for (std::string& outcome : outcomes) {
    const Home home;
    const TemporaryDirectory context;
    const auto at_epoch = [&](const Words& words) {
      Words all = home.command(words);
      all.insert(all.begin(), {"env", "SOURCE_DATE_EPOCH=1700000000"});
      const Result result = run(all);
      INFO(result.err);
      REQUIRE(result.status == 0);
      return result.out;
    };
    at_epoch({"import", busybox_layer(), "busybox"});
    write_file(context.path() + "/x", "x");
    write_file(
        context.path() + "/Dockerfile",
        "FROM busybox\nCOPY x /x\nRUN mkdir /d; for i in 3 1 2; do date >/dev/null; echo $i >/d/$i; done\nENV A=1\n");
    outcome = at_epoch({"build", "-q", "--network=none", context.path()});
    for (const std::string& blob : kernel::list(kernel::open(home.path() + "/blobs/sha256", O_RDONLY | O_DIRECTORY)))
      outcome += blob + "\n";
  }
  CHECK(outcomes[0] == outcomes[1]);
}

TEST_CASE("Ctrl-C ends a build at once, also one whose program ignores it, and leaves nothing") {
  const Workshop shop;
  shop.file("Dockerfile", "FROM busybox\nRUN trap '' INT TERM; echo ready; while :; do sleep 1; done\n");
  for (const int signal : {SIGINT, SIGTERM}) {
    Running build(shop.command({"build", "--network=none", shop.context()}));
    build.read_until("\nready");
    build.signal(signal);
    const Result result = build.wait();
    INFO(result.err);
    CHECK(result.status == 128 + signal);
    CHECK(contains(result.err, "ended by SIG"));
    shop.check_nothing_staged();
  }
}

TEST_CASE("what a killed build left is cleared away by the next command") {
  const Workshop shop;
  shop.file("Dockerfile", "FROM busybox\nRUN echo ready; sleep 60\n");
  Running build(shop.command({"build", "--network=none", shop.context()}));
  build.read_until("\nready");
  build.signal(SIGKILL);
  CHECK(build.wait().status == 128 + SIGKILL);
  CHECK(shop.run({"images"}).status == 0);
  shop.check_nothing_staged();
}

TEST_CASE("redis is built from debian and its files, and runs; the second time nothing is made") {
  const Home home;
  const TemporaryDirectory context;
  const Words words = import_words("redis");
  REQUIRE(test::run(home.command(words), {}, std::chrono::minutes(2)).status == 0);
  const std::string debian = *(words.end() - 3);
  REQUIRE(test::run(home.command({"import", debian, "debian"}), {}, std::chrono::minutes(2)).status == 0);
  write_file(context.path() + "/Dockerfile",
             "FROM debian\n"
             "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
             "COPY --from=redis /usr/bin/redis-* /usr/bin/\n"
             "COPY --from=redis /usr/lib/*-linux-gnu/lib*.so.* /usr/lib/redis/\n"
             "RUN groupadd -r redis && useradd -r -g redis -d /var/lib/redis redis && \\\n"
             "    echo /usr/lib/redis >/etc/ld.so.conf.d/redis.conf && ldconfig && redis-server --version\n"
             "WORKDIR /var/lib/redis\nRUN chown redis:redis .\nUSER redis\nEXPOSE 6379\nVOLUME /var/lib/redis\n"
             "CMD [\"redis-server\", \"--bind\", \"*\", \"--protected-mode\", \"no\"]\n");
  const Words build = home.command({"build", "--network=none", "-t", "own-redis", context.path()});
  const Result first = test::run(build, {}, std::chrono::minutes(2));
  INFO(first.out << first.err);
  REQUIRE(first.status == 0);
  CHECK(contains(first.out, "\nRedis server v="));
  CHECK_FALSE(contains(test::run(build).out, "\nRedis server v="));
  Running server(home.command({"run", "--rm", "--net", "none", "--name", "server", "own-redis"}));
  server.read_until("Ready to accept connections");
  CHECK(home.run({"exec", "server", "redis-cli", "set", "boat", "coracle"}).out == "OK\n");
  CHECK(home.run({"exec", "server", "id", "-un"}).out == "redis\n");
  server.signal(SIGINT);
  CHECK(server.wait().status == 0);

  if (!has_program("podman")) SKIP_WITHOUT("podman");
  const Podman podman(coracle_oci());
  const std::string archive = context.path() + "/own-redis.tar";
  REQUIRE(home.run({"save", "-o", archive, "own-redis"}).status == 0);
  REQUIRE(podman({"load", "-q", "-i", archive}).status == 0);
  const Result ran = podman(podman.run_words({"--rm", "own-redis", "sh", "-c", "redis-server --version; id -un; pwd"}));
  INFO(ran.err);
  CHECK(contains(ran.out, "Redis server v="));
  CHECK(contains(ran.out, "\nredis\n/var/lib/redis\n"));
}

TEST_CASE("an ordinary user builds, commits and exports as root does") {
  const OrdinaryUser user;
  user.import_busybox();
  const TemporaryDirectory context;
  fs::permissions(context.path(), fs::perms::all);
  write_file(context.path() + "/x", "x");
  write_file(context.path() + "/Dockerfile",
             "FROM busybox\nCOPY --chown=33:44 x /x\nRUN rm /etc/group; chown 5 /tmp; id -u >/id\nWORKDIR /w\n");
  for (const char* outcome : {" ---> ", "Using cache"}) {
    const Result built = user.run({"build", "--network=none", "-t", "made", context.path()});
    INFO(built.out << built.err);
    REQUIRE(built.status == 0);
    CHECK(contains(built.out, outcome));
  }
  const Words command = {"sh", "-c", "cat /id; stat -c %u:%g /x; stat -c %u /tmp; ls /etc; echo ready; exec sleep 60"};
  Words words = {"run", "--rm", "--net", "none", "--name", "box", "made"};
  words.insert(words.end(), command.begin(), command.end());
  Running running(user.coracle(words));
  CHECK(running.read_until("ready\n") == "0\n33:44\n5\nhosts\npasswd\nready\n");
  const Result committed = user.run({"commit", "box", "again"});
  INFO(committed.err);
  CHECK(committed.status == 0);
  CHECK(user.run({"diff", "box"}).out.empty());
  CHECK(contains(user.run({"export", "box"}).out, "bin/busybox"));
  user.run({"kill", "box"});
  running.wait();
  CHECK(user.run({"run", "--rm", "--net", "none", "again", "stat", "-c", "%u:%g", "/x"}).out == "33:44\n");
}

TEST_CASE("what is copied from a stage is made again when it is another, and not when the stage alone is") {
  const Workshop shop;
  const auto dockerfile = [](const std::string& script) {
    return "FROM busybox AS one\nRUN " + script + "\nFROM busybox\nCOPY --from=one /out /out\n";
  };
  const std::string cached = "COPY --from=one /out /out\n ---> Using cache\n";
  const std::string write = "echo 1 >/out; touch -d @1 /out";
  shop.must_build(dockerfile(write));
  CHECK(contains(shop.build(dockerfile(write)).out, cached));
  CHECK(contains(shop.build(dockerfile(write + "; echo >/other")).out, cached));
  CHECK_FALSE(contains(shop.build(dockerfile("echo 2 >/out")).out, cached));
  CHECK(shop.says("cat /out") == "2\n");
}
