// What stands below the part volumes: the words, the copy of a tree, the places in a hostile root, named volumes.
#include <climits>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernel/copy_tree.hpp"
#include "kernel/error.hpp"
#include "kernel/mount.hpp"
#include "kernel/mountpoint.hpp"
#include "parts/volumes.hpp"
#include "parts/volumes/named_volume.hpp"
#include "support/support.hpp"

using namespace coracle;
using kernel::Fd;
using test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

using Kind = parts::Volume::Kind;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const kernel::Error& error) {
    return error.what();
  }
  return "(no error)";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct stat lstat_of(const std::string& path) {
  struct stat status {};
  INFO(path);
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status;
}

Fd directory(const std::string& path) { return kernel::open(path, O_PATH | O_DIRECTORY); }

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string read(const std::string& path) { return kernel::read_file(path); }

}  // namespace

TEST_CASE("-v tells a path of the host from a name and reads the mode") {
  const parts::Volume host = parts::parse_volume("/srv/www:/var/www:ro");
  CHECK(host.kind == Kind::bind);
  CHECK(host.source == "/srv/www");
  CHECK(host.destination == "/var/www");
  CHECK(host.readonly);
  const parts::Volume named = parts::parse_volume("my.data_1-x:/var/lib/../log/./x//");
  CHECK(named.kind == Kind::named);
  CHECK(named.source == "my.data_1-x");
  CHECK(named.destination == "/var/log/x");
  CHECK(!named.readonly);
  CHECK(!parts::parse_volume("data:/x:rw").readonly);
}

TEST_CASE("a host path that begins with a dot is looked up from the working directory") {
  const fs::path here = fs::current_path();
  CHECK(parts::parse_volume("./x:/x").source == here / "x");
  CHECK(parts::parse_volume(".:/x").source == here);
  CHECK(parts::parse_volume("../x/./y:/x").source == here.parent_path() / "x/y");
}

TEST_CASE("bad words for -v are refused with what was read and what is allowed") {
  for (const std::string text : {"data:/", "/x:/",     "/x:/y:nocopy", "data:/x:rslave", "/",
                                 "/x/..",  "data:/..", "data:/x/..",   "data:x",         "data:./x",
                                 "data:",  ":/x",      "a:/x",         "-a:/x",          "a/b:/x",
                                 "../:",   "data:/x:", "data:/x:r",    "data:/x:ro:rw",  "data",
                                 "",       ":",        "::",           "da ta:/x",       "d\xc3\xa4ta:/x"}) {
    INFO(text);
    CHECK_THROWS_AS(parts::parse_volume(text), kernel::Error);
  }
  const std::string message = message_of([] { parts::parse_volume("data:/x:rx"); });
  CHECK(contains(message, "data:/x:rx"));
  CHECK(contains(message, "HOST:DEST[:ro|rw]"));
  CHECK(contains(message_of([] { parts::parse_volume("../x"); }), "without a name"));
}

TEST_CASE("-v with a destination alone leaves the name to be found, and a part refuses it without") {
  const parts::Volume volume = parts::parse_volume("/var/../data/");
  CHECK(volume.kind == Kind::named);
  CHECK(volume.destination == "/data");
  CHECK(volume.anonymous);
  CHECK(contains(message_of([&] { parts::checked(volume); }), "without a name"));
}

TEST_CASE("the modes of -v are docker's") {
  const parts::Volume bind = parts::parse_volume("/srv:/x:ro,Z,rslave,cached");
  CHECK(bind.readonly);
  CHECK(bind.propagation == "rslave");
  CHECK(!parts::parse_volume("data:/x:nocopy").copy);
  CHECK(parts::parse_volume("data:/x:z").copy);
}

TEST_CASE("--mount is read as docker reads it") {
  const parts::Volume bind =
      parts::parse_mount("type=bind,src=/srv/./www,dst=/a/../b,readonly,bind-propagation=shared,consistency=cached");
  CHECK(bind.kind == Kind::bind);
  CHECK(bind.source == "/srv/./www");
  CHECK(bind.destination == "/b");
  CHECK(bind.readonly);
  CHECK(!bind.make_source);
  CHECK(bind.propagation == "shared");
  const parts::Volume named = parts::parse_mount("source=data,target=/x,ro=false,volume-nocopy=1");
  CHECK(named.kind == Kind::named);
  CHECK(named.source == "data");
  CHECK(!named.readonly);
  CHECK(!named.copy);
  CHECK(!named.anonymous);
  CHECK(parts::parse_mount("target=/x").anonymous);
  const parts::Volume memory = parts::parse_mount("target=/x,tmpfs-size=64m,tmpfs-mode=700,type=tmpfs");
  CHECK(memory.kind == Kind::tmpfs);
  CHECK(memory.size == 64U << 20U);
  CHECK(memory.mode == 0700);
  CHECK(parts::parse_mount("type=bind,src=/x,dst=/x,idmap").idmap == "owner");
  CHECK(parts::parse_mount("type=bind,src=/x,dst=/x,idmap=uids=1-0-1#5-5-2;gids=0-7-1").idmap ==
        "uids=1-0-1#5-5-2;gids=0-7-1");
  for (const std::string text : {"",
                                 "type=bind",
                                 "type=bind,target=/x",
                                 "type=bind,source=/x",
                                 "type=npipe,target=/x",
                                 "target=x",
                                 "target=/",
                                 "target",
                                 "target=/x,color=red",
                                 "target=/x,readonly=maybe",
                                 "target=/x,tmpfs-size=1m",
                                 "target=/x,,",
                                 "type=bind,src=/x,dst=/x,volume-nocopy",
                                 "type=tmpfs,target=/x,source=y",
                                 "type=tmpfs,target=/x,idmap",
                                 "type=bind,src=/x,dst=/x,bind-propagation=up",
                                 "source=../x,target=/x",
                                 "target=/x,idmap=",
                                 "target=/x,idmap=uids=1-0",
                                 "target=/x,idmap=uids=1-0-0",
                                 "target=/x,idmap=uids=1-0-1;uids=2-0-1",
                                 "target=/x,idmap=uids=1-0-1x",
                                 "target=/x,idmap=uids=1-0-99999999999",
                                 "target=/x,idmap=users"}) {
    INFO(text);
    CHECK_THROWS_AS(parts::parse_mount(text), kernel::Error);
  }
}

TEST_CASE("the options of a volume are docker's, and hostile ones are refused") {
  CHECK(parts::parse_device({}).type.empty());
  const parts::VolumeDevice device =
      parts::parse_device({{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=1m,ro,nosuid"}});
  CHECK(device.type == "tmpfs");
  CHECK(parts::parse_device({{"type", "none"}, {"device", "/srv"}, {"o", "bind"}}).device == "/srv");
  CHECK(parts::parse_device({{"type", "nfs"}, {"device", ":/x"}, {"o", "addr=10.0.0.1,rw"}}).type == "nfs");
  for (const std::map<std::string, std::string>& options :
       std::vector<std::map<std::string, std::string>>{{{"type", "tmpfs"}},
                                                       {{"device", "tmpfs"}},
                                                       {{"o", "ro"}},
                                                       {{"type", "tmpfs"}, {"device", "x"}, {"color", "red"}},
                                                       {{"type", "ext4"}, {"device", "/dev/sda"}},
                                                       {{"type", "proc"}, {"device", "proc"}},
                                                       {{"type", "none"}, {"device", "srv"}, {"o", "bind"}},
                                                       {{"type", "none"}, {"device", "/srv"}},
                                                       {{"type", "overlay"}, {"device", "/srv"}, {"o", "bind"}},
                                                       {{"type", "tmpfs"}, {"device", "x"}, {"o", "suid"}},
                                                       {{"type", "tmpfs"}, {"device", "x"}, {"o", "=x"}}}) {
    CHECK_THROWS_AS(parts::parse_device(options), kernel::Error);
  }
}

TEST_CASE("--tmpfs has a size and a mode") {
  const parts::Volume plain = parts::parse_tmpfs("/tmp");
  CHECK(plain.kind == Kind::tmpfs);
  CHECK(plain.destination == "/tmp");
  CHECK(plain.size == 0);
  CHECK(plain.mode == 01777);
  CHECK(parts::parse_tmpfs("/run:rw,noexec,nosuid,size=65536k").size == 65536 * 1024);
  CHECK(parts::parse_tmpfs("/run:size=1G").size == 1 << 30);
  CHECK(parts::parse_tmpfs("/run:size=5,mode=755").mode == 0755);
  CHECK(parts::parse_tmpfs("/run:ro").readonly);
  for (const std::string text : {"", "tmp", "/", "/t:", "/t:size", "/t:size=", "/t:size=0", "/t:size=-1", "/t:size=1x",
                                 "/t:size=1mm", "/t:size=50%", "/t:size=99999999999g", "/t:size=18446744073709551616",
                                 "/t:mode=8", "/t:mode=17777", "/t:mode=", "/t:exec", "/t:ro,", "/t:ro:rw"}) {
    INFO(text);
    CHECK_THROWS_AS(parts::parse_tmpfs(text), kernel::Error);
  }
}

TEST_CASE("a volume that was written down elsewhere is checked too") {
  CHECK_THROWS_AS(parts::checked({.kind = Kind::named, .source = "../../etc", .destination = "/x"}), kernel::Error);
  CHECK_THROWS_AS(parts::checked({.source = "/x", .destination = "/x/../.."}), kernel::Error);
  CHECK(parts::checked({.source = "/x", .destination = "/a/../b"}).destination == "/b");
}

TEST_CASE("a copied tree has all that the tree had") {
  TemporaryDirectory scratch;
  const std::string a = scratch.path() + "/a", b = scratch.path() + "/b";
  fs::create_directories(a + "/dir/empty");
  write(a + "/file", "text");
  REQUIRE(chown((a + "/file").c_str(), 12, 34) == 0);
  REQUIRE(chmod((a + "/file").c_str(), 06751) == 0);
  REQUIRE(setxattr((a + "/file").c_str(), "trusted.boat", "coracle", 7, 0) == 0);
  REQUIRE(link((a + "/file").c_str(), (a + "/dir/second-name").c_str()) == 0);
  REQUIRE(symlink("/nowhere/at/all", (a + "/link").c_str()) == 0);
  REQUIRE(lchown((a + "/link").c_str(), 56, 78) == 0);
  REQUIRE(mknod((a + "/fifo").c_str(), S_IFIFO | 0640, 0) == 0);
  REQUIRE(mknod((a + "/device").c_str(), S_IFCHR | 0604, makedev(1, 700)) == 0);
  REQUIRE(mknod((a + "/socket").c_str(), S_IFSOCK | 0600, 0) == 0);
  write(a + "/holes", "begin");
  REQUIRE(truncate((a + "/holes").c_str(), 4LL << 30U) == 0);
  {
    std::fstream holes(a + "/holes", std::ios::in | std::ios::out);
    holes.seekp(2LL << 30U) << "middle";
  }
  write(a + "/locked", "x");
  REQUIRE(chmod((a + "/locked").c_str(), 0) == 0);
  REQUIRE(chmod((a + "/dir").c_str(), 01770) == 0);
  const timespec times[2] = {{1000, 1}, {123456789, 123456789}};
  for (const std::string name : {"/dir", "/file", "/link", "", "/device"}) {
    REQUIRE(utimensat(AT_FDCWD, (a + name).c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  }

  kernel::copy_tree(directory(a), directory(scratch.path()), "b");

  for (const std::string name : {"", "/dir", "/dir/empty", "/file", "/link", "/fifo", "/device", "/socket", "/holes",
                                 "/locked", "/dir/second-name"}) {
    INFO(name);
    const struct stat before = lstat_of(a + name), after = lstat_of(b + name);
    CHECK(after.st_mode == before.st_mode);
    CHECK(after.st_uid == before.st_uid);
    CHECK(after.st_gid == before.st_gid);
    CHECK(after.st_nlink == before.st_nlink);
    CHECK(after.st_rdev == before.st_rdev);
    CHECK(after.st_size == before.st_size);
    CHECK(after.st_mtim.tv_sec == before.st_mtim.tv_sec);
    CHECK(after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  }
  CHECK(lstat_of(b + "/file").st_ino == lstat_of(b + "/dir/second-name").st_ino);
  CHECK(fs::read_symlink(b + "/link") == "/nowhere/at/all");
  CHECK(read(b + "/file") == "text");
  CHECK(lstat_of(b + "/holes").st_blocks <= 32);
  std::ifstream holes(b + "/holes");
  std::string middle(6, '\0');
  holes.seekg(2LL << 30U).read(middle.data(), 6);
  CHECK(middle == "middle");
  char value[16] = {};
  CHECK(getxattr((b + "/file").c_str(), "trusted.boat", value, sizeof value) == 7);
  CHECK(std::string(value) == "coracle");
}

TEST_CASE("what is mounted inside a tree is not copied") {
  TemporaryDirectory scratch;
  fs::create_directories(scratch.path() + "/a/mounted");
  kernel::mount("tmpfs", scratch.path() + "/a/mounted", "tmpfs", 0);
  write(scratch.path() + "/a/mounted/secret", "x");
  kernel::copy_tree(directory(scratch.path() + "/a"), directory(scratch.path()), "b");
  kernel::umount(scratch.path() + "/a/mounted");
  CHECK(!fs::exists(scratch.path() + "/b/mounted/secret"));
}

TEST_CASE("a tree without a bottom is refused and not followed until the descriptors run out") {
  TemporaryDirectory scratch;
  fs::create_directories(scratch.path() + "/a");
  Fd deep = directory(scratch.path() + "/a");
  for (int depth = 0; depth < 2000; ++depth) {
    REQUIRE(mkdirat(deep.get(), "d", 0755) == 0);
    deep = kernel::openat(deep, "d", O_PATH);
  }
  const std::string message =
      message_of([&] { kernel::copy_tree(directory(scratch.path() + "/a"), directory(scratch.path()), "b"); });
  CHECK(contains(message, "directories deep"));
}

TEST_CASE("a mount point is found and made inside the root alone") {
  TemporaryDirectory scratch;
  const std::string top = scratch.path() + "/root";
  fs::create_directories(top + "/etc");
  const Fd root = directory(top);
  const auto place = [&](const std::string& path, kernel::MountpointKind kind = kernel::MountpointKind::directory) {
    const Fd fd = kernel::open_mountpoint(root, path, kind);
    return fs::read_symlink(kernel::path_of(fd)).string().substr(top.size());
  };
  using enum kernel::MountpointKind;

  SECTION("missing directories and files are made") {
    CHECK(place("/a/b/c") == "/a/b/c");
    CHECK(place("/x/y/file", file) == "/x/y/file");
    CHECK(fs::is_directory(top + "/a/b/c"));
    CHECK(fs::is_regular_file(top + "/x/y/file"));
    CHECK(place("/a/b", file) == "/a/b");  // what is there is given as it is
  }
  SECTION("links lead inside, wherever they point") {
    REQUIRE(symlink(scratch.path().c_str(), (top + "/absolute").c_str()) == 0);
    REQUIRE(symlink("../../../../../../outside", (top + "/etc/relative").c_str()) == 0);
    REQUIRE(symlink("/etc/relative/deeper", (top + "/twice").c_str()) == 0);
    REQUIRE(symlink("/run/../etc/./resolv", (top + "/etc/resolv.conf").c_str()) == 0);
    CHECK(place("/absolute/x") == scratch.path() + "/x");
    CHECK(place("/etc/relative/y") == "/outside/y");
    CHECK(place("/twice") == "/outside/deeper");
    CHECK(place("/etc/resolv.conf", file) == "/etc/resolv");
    CHECK(place("/../../../../../z") == "/z");
    CHECK(!fs::exists(scratch.path() + "/x"));
    CHECK(!fs::exists(scratch.path() + "/z"));
    CHECK(!fs::exists(scratch.path() + "/outside"));
  }
  SECTION("links without end, the root itself and /proc are refused") {
    REQUIRE(symlink("loop", (top + "/loop").c_str()) == 0);
    REQUIRE(symlink("b", (top + "/a").c_str()) == 0);
    REQUIRE(symlink("a/x", (top + "/b").c_str()) == 0);
    REQUIRE(symlink("/..", (top + "/up").c_str()) == 0);
    CHECK_THROWS_AS(place("/loop"), kernel::Error);
    CHECK_THROWS_AS(place("/a"), kernel::Error);
    CHECK(contains(message_of([&] { place("/up"); }), "leads to / itself"));
    CHECK(contains(message_of([&] { place("/etc/.."); }), "leads to / itself"));
    fs::create_directories(top + "/proc");
    kernel::mount("proc", top + "/proc", "proc", 0);
    CHECK(contains(message_of([&] { place("/proc"); }), "into /proc"));
    CHECK(contains(message_of([&] { place("/proc/1/attr"); }), "into /proc"));
    CHECK(contains(message_of([&] { place("/etc/../proc/sys/kernel"); }), "into /proc"));
    kernel::umount(top + "/proc");
  }
  SECTION("a file in the way is an error") {
    write(top + "/file", "");
    CHECK(contains(message_of([&] { place("/file/x"); }), "ENOTDIR"));
  }
}

TEST_CASE("a named volume is filled at its first use with the content, owner and mode of the image") {
  TemporaryDirectory scratch;
  const std::string image = scratch.path() + "/image", volume = scratch.path() + "/volumes/data";
  fs::create_directories(image + "/sub");
  write(image + "/sub/file", "from the image");
  REQUIRE(chown(image.c_str(), 100, 101) == 0);
  REQUIRE(chmod(image.c_str(), 0750) == 0);

  parts::open_named_volume(volume, directory(image));
  CHECK(read(volume + "/_data/sub/file") == "from the image");
  CHECK(lstat_of(volume + "/_data").st_uid == 100);
  CHECK(lstat_of(volume + "/_data").st_gid == 101);
  CHECK((lstat_of(volume + "/_data").st_mode & 07777) == 0750);
  CHECK((lstat_of(volume).st_mode & 07777) == 0711);

  SECTION("and never again") {
    write(volume + "/_data/sub/file", "mine");
    write(image + "/later", "x");
    parts::open_named_volume(volume, directory(image));
    CHECK(read(volume + "/_data/sub/file") == "mine");
    CHECK(!fs::exists(volume + "/_data/later"));
  }
  SECTION("but again when it is empty, in the same directory, which a container may be using") {
    const ino_t before = lstat_of(volume + "/_data").st_ino;
    fs::remove_all(volume + "/_data/sub");
    parts::open_named_volume(volume, directory(image));
    CHECK(read(volume + "/_data/sub/file") == "from the image");
    CHECK(lstat_of(volume + "/_data").st_ino == before);
  }
}

TEST_CASE("a named volume where the image has nothing is an empty directory") {
  TemporaryDirectory scratch;
  parts::open_named_volume(scratch.path() + "/volumes/data", {});
  CHECK(fs::is_empty(scratch.path() + "/volumes/data/_data"));
  CHECK((lstat_of(scratch.path() + "/volumes/data/_data").st_mode & 07777) == 0755);
}

TEST_CASE("a named volume whose filling was interrupted is as good as new at the next use") {
  TemporaryDirectory scratch;
  const std::string image = scratch.path() + "/image", volume = scratch.path() + "/data";
  fs::create_directories(image);
  for (const std::string name : {"/1", "/2", "/3"}) write(image + name, name);

  SECTION("while it was copied") {
    fs::create_directories(volume + "/_filling");
    write(volume + "/_filling/1", "half");
  }
  SECTION("while it was moved to its place, and a container made a file of the same name") {
    fs::create_directories(volume + "/_data");
    write(volume + "/_data/1", "/1");
    fs::create_directories(volume + "/_filled");
    write(volume + "/_filled/1", "not this one");
    write(volume + "/_filled/2", "/2");
    write(volume + "/_filled/3", "/3");
  }
  parts::open_named_volume(volume, directory(image));
  for (const std::string name : {"/1", "/2", "/3"}) CHECK(read(volume + "/_data" + name) == name);
  CHECK(!fs::exists(volume + "/_filling"));
  CHECK(!fs::exists(volume + "/_filled"));
}

TEST_CASE("tidying takes away a half-made volume and leaves a whole one and one at work") {
  TemporaryDirectory scratch;
  const std::string volume = scratch.path() + "/data";
  parts::tidy_named_volume(volume);  // nothing there is fine
  fs::create_directories(volume + "/_filling/sub");
  SECTION("half-made") {
    parts::tidy_named_volume(volume);
    CHECK(!fs::exists(volume));
  }
  SECTION("whole") {
    fs::create_directories(volume + "/_data");
    parts::tidy_named_volume(volume);
    CHECK(fs::exists(volume + "/_data"));
    CHECK(!fs::exists(volume + "/_filling"));
  }
  SECTION("somebody else is filling it") {
    const Fd other = kernel::open(volume, O_RDONLY | O_DIRECTORY);
    REQUIRE(kernel::lock(other, 2 /* LOCK_EX */));
    parts::tidy_named_volume(volume);
    CHECK(fs::exists(volume + "/_filling/sub"));
  }
}

TEST_CASE("many starts at once fill a volume once") {
  TemporaryDirectory scratch;
  const std::string image = scratch.path() + "/image", volume = scratch.path() + "/volumes/data";
  fs::create_directories(image);
  for (int i = 0; i < 200; ++i) write(fmt::format("{}/{}", image, i), "x");
  std::vector<pid_t> starts;
  for (int i = 0; i < 12; ++i) {
    starts.push_back(fork());
    if (starts.back() == 0) {
      try {
        if (i % 3 == 2) parts::tidy_named_volume(volume);
        const Fd data = parts::open_named_volume(volume, directory(image));
        const auto entries = std::distance(fs::directory_iterator(kernel::path_of(data)), {});
        _exit(entries == 200 ? 0 : 1);
      } catch (const std::exception& error) {
        dprintf(2, "%s\n", error.what());
        _exit(2);
      }
    }
  }
  for (const pid_t start : starts) {
    int status = -1;
    REQUIRE(waitpid(start, &status, 0) == start);
    CHECK(status == 0);
  }
}
