// The user and group ids in an ordinary user's containers: whose the files are, and what lacks where ids do.
#include <filesystem>

#include <sys/mount.h>

#include "e2e/rootless.hpp"
#include "kernel/mount.hpp"
#include "support/archive.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

TEST_CASE("a volume of an ordinary user belongs to the user, and to the subordinate ids inside") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string shared = user.home() + "/shared";
  const Words options = {"-v", shared + ":/shared", "-v", "kept:/kept"};
  output(user, options,
         {"sh", "-c",
          "echo mine > /shared/mine; echo theirs > /shared/theirs; chown 7:8 /shared/theirs; echo 1 > /kept/one"});
  CHECK(status_of(shared + "/mine").st_uid == OrdinaryUser::kUid);
  CHECK(status_of(shared + "/theirs").st_uid == OrdinaryUser::kFirst + 6);
  CHECK(status_of(shared + "/theirs").st_gid == OrdinaryUser::kFirst + 7);
  CHECK(output(user, options, {"cat", "/shared/mine", "/kept/one"}) == "mine\n1\n");
  CHECK(in_busybox(user, {"-v", shared + ":/shared:ro"}, {"touch", "/shared/new"}).status != 0);
}

TEST_CASE("an ordinary user runs a program as another user of the image") {
  const OrdinaryUser user;
  user.import_busybox();
  const std::string shared = user.home() + "/shared";
  output(user, {"-v", shared + ":/shared"}, {"chmod", "777", "/shared"});
  CHECK(output(user, {"-u", "1000:100", "-v", shared + ":/shared"},
               {"sh", "-c", "id -u; id -g; id -G; touch /shared/file"}) == "1000\n100\n100\n");
  CHECK(status_of(shared + "/file").st_uid == OrdinaryUser::kFirst + 999);
  const Result beyond = in_busybox(user, {"-u", "70000"}, {"true"});
  CHECK(beyond.status == 125);
  CHECK(has(beyond.err, "70000"));
  CHECK(has(beyond.err, "/etc/subuid"));
}

TEST_CASE("the layers of an ordinary user keep their owners, whiteouts and opaque directories") {
  const OrdinaryUser user;
  const std::string lower = user.home() + "/lower.tar";
  const std::string upper = user.home() + "/upper.tar";
  write_file(lower,
             Tar().directory("d").file("d/old").file("gone").add({.name = "owned", .uid = 33, .gid = 34}).bytes());
  write_file(upper, Tar().file("d/.wh..wh..opq").file("d/new").file(".wh.gone").bytes());
  user.import_busybox();
  const Result imported = user.run({"import", user.program(busybox_layer()), lower, upper, "layered"});
  INFO(imported.err);
  REQUIRE(imported.status == 0);
  const Result result = user.run({"run", "--rm", "--net", "none", "layered", "sh", "-c",
                                  "ls /d; ls /gone; stat -c %u:%g /owned; rm -r /d; mkdir /d; ls /d"});
  CHECK(result.out == "new\n33:34\n");
  CHECK(user.left_behind().empty());
}

TEST_CASE("an image whose owner is beyond the subordinate ids is refused with the id") {
  const OrdinaryUser user;
  const std::string archive = user.home() + "/far.tar";
  write_file(archive, Tar().add({.name = "far", .uid = 70000}).bytes());
  const Result result = user.run({"import", archive, "far"});
  CHECK(result.status == 125);
  CHECK(has(result.err, "70000"));
  CHECK(has(result.err, "/etc/subuid"));
  CHECK(has(result.err, "far"));
  CHECK(user.left_behind().empty());
}

TEST_CASE("an ordinary user's files of other ids are removed with the container") {
  const OrdinaryUser user;
  user.import_busybox();
  output(user, {}, {"sh", "-c", "mkdir -p /a/b && touch /a/b/c && chown -R 1234:1234 /a && chmod 700 /a"});
  CHECK(user.left_behind().empty());
}

TEST_CASE("without subordinate ids a user is told once, and root alone is there") {
  const OrdinaryUser user(OrdinaryUser::Ids::none);
  user.import_busybox();
  const Result result = in_busybox(
      user, {}, {"sh", "-c", "id -u; cat /proc/self/setgroups; wc -l < /proc/self/uid_map; echo > /dev/null"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(result.out == "0\ndeny\n1\n");
  CHECK(has(result.err, "/etc/subuid gives this user no ids"));
  CHECK(has(result.err, "usermod --add-subuids"));
  CHECK(result.err.find("note:") == result.err.rfind("note:"));
  CHECK(has(in_busybox(user, {"-u", "1000"}, {"true"}).err, "/etc/subuid"));

  const std::string archive = user.home() + "/owned.tar";
  write_file(archive, Tar().add({.name = "owned", .uid = 33, .gid = 33}).bytes());
  const Result refused = user.run({"import", archive, "owned"});
  CHECK(refused.status == 125);
  CHECK(has(refused.err, "user 33"));
}

TEST_CASE("a newuidmap that is not setuid is named, and the user alone is mapped") {
  const OrdinaryUser user;
  const std::string copy = user.home() + "/../newuidmap";
  fs::copy_file("/usr/bin/newuidmap", copy);
  fs::permissions(copy, fs::perms(0755));
  kernel::mount(copy, "/usr/bin/newuidmap", "", MS_BIND);
  user.import_busybox();
  const Result result = in_busybox(user, {}, {"true"});
  umount2("/usr/bin/newuidmap", MNT_DETACH);
  CHECK(result.status == 0);
  CHECK(has(result.err, "newuidmap is not setuid"));
}

TEST_CASE("an ordinary user's volumes are made, used and removed, and files are copied in and out") {
  const OrdinaryUser user;
  user.import_busybox();
  REQUIRE(user.run({"volume", "create", "data"}).status == 0);
  REQUIRE(user.run({"run", "--net", "none", "--name", "one", "-v", "data:/d", "-v", "/own", "busybox", "sh", "-c",
                    "echo 1 >/d/x; chown 33 /d/x; echo 2 >/made"})
              .status == 0);
  CHECK(user.run({"volume", "rm", "data"}).status == 1);
  const Result made = user.run({"cp", "one:/made", user.home() + "/made"});
  INFO(made.err);
  CHECK(made.status == 0);
  CHECK(status_of(user.home() + "/made").st_uid == OrdinaryUser::kUid);
  CHECK(user.run({"cp", user.home() + "/made", "one:/again"}).status == 0);
  CHECK(has(user.run({"diff", "one"}).out, "A /again\n"));
  REQUIRE(user.run({"run", "-d", "--net", "none", "--name", "two", "busybox", "sleep", "1000"}).status == 0);
  const Result copied = user.run({"cp", user.home() + "/made", "two:/made"});
  INFO(copied.err);
  CHECK(copied.status == 0);
  CHECK(user.run({"exec", "two", "stat", "-c", "%u", "/made"}).out == "0\n");
  CHECK(user.run({"rm", "-f", "two"}).status == 0);
  CHECK(user.run({"rm", "-v", "one"}).status == 0);
  CHECK(user.run({"volume", "ls", "-q"}).out == "data\n");
  CHECK(user.run({"volume", "rm", "data"}).out == "data\n");
}
