// A tree to the tar of a layer, and back by the way that every layer comes in.
#include "image/pack.hpp"
#include "image/time.hpp"

#include <cstdlib>
#include <filesystem>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/tar_header.hpp"
#include "kernel/error.hpp"
#include "parts/unpack.hpp"
#include "support/archive.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;
namespace fs = std::filesystem;

namespace {

struct Trees {
  TemporaryDirectory directory;
  std::string from = directory.path() + "/from", to = directory.path() + "/to";

  Trees() {
    fs::create_directory(from);
    fs::create_directory(to);
  }

  std::string pack(image::PackOptions options = {}, std::size_t piece = 4096) const {
    const parts::Bytes bytes = image::pack(kernel::open(from, O_RDONLY | O_DIRECTORY), std::move(options));
    std::string all;
    std::string buffer(piece, '\0');
    while (const std::size_t count = bytes(buffer.data(), buffer.size())) all.append(buffer, 0, count);
    return all;
  }

  void round_trip() const {
    write_file(directory.path() + "/layer.tar", pack());
    parts::unpack(directory.path() + "/layer.tar", to);
  }
};

struct stat status_of(const std::string& path) {
  struct stat status {};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("what is packed comes back as it was: owners, modes, links, nodes, holes, attributes, long names") {
  const Trees trees;
  const std::string longest(250, 'n');
  write_file(trees.from + "/su", "x");
  REQUIRE(chown((trees.from + "/su").c_str(), 3'000'000, 33) == 0);
  REQUIRE(chmod((trees.from + "/su").c_str(), 04751) == 0);
  REQUIRE(setxattr((trees.from + "/su").c_str(), "user.note", "\0\n=", 3, 0) == 0);
  REQUIRE(setxattr((trees.from + "/su").c_str(), "trusted.overlay.redirect", "/", 1, 0) == 0);
  fs::create_hard_link(trees.from + "/su", trees.from + "/zu");
  fs::create_directories(trees.from + "/" + longest + "/" + longest);
  write_file(trees.from + "/" + longest + "/" + longest + "/\xff", std::string(700'001, 'y'));
  fs::create_symlink("/" + longest, trees.from + "/link");
  REQUIRE(mknod((trees.from + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0);
  REQUIRE(mkfifo((trees.from + "/fifo").c_str(), 0600) == 0);
  trees.round_trip();

  const struct stat su = status_of(trees.to + "/su");
  CHECK(su.st_uid == 3'000'000);
  CHECK(su.st_mode == (S_IFREG | 04751));
  CHECK(su.st_ino == status_of(trees.to + "/zu").st_ino);
  CHECK(su.st_mtim.tv_nsec == 0);
  CHECK(su.st_mtim.tv_sec == status_of(trees.from + "/su").st_mtim.tv_sec);
  char value[8];
  CHECK(getxattr((trees.to + "/su").c_str(), "user.note", value, sizeof value) == 3);
  CHECK(getxattr((trees.to + "/su").c_str(), "trusted.overlay.redirect", value, sizeof value) == -1);
  CHECK(read_file(trees.to + "/" + longest + "/" + longest + "/\xff") == std::string(700'001, 'y'));
  CHECK(fs::read_symlink(trees.to + "/link") == "/" + longest);
  CHECK(status_of(trees.to + "/null").st_rdev == makedev(1, 3));
  CHECK(S_ISFIFO(status_of(trees.to + "/fifo").st_mode));
}

TEST_CASE("overlayfs's notes become whiteouts in the tar, and overlayfs's notes again") {
  const Trees trees;
  fs::create_directory(trees.from + "/opaque");
  REQUIRE(setxattr((trees.from + "/opaque").c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0);
  REQUIRE(mknod((trees.from + "/opaque/gone").c_str(), S_IFCHR, 0) == 0);
  const std::string tar = trees.pack();
  CHECK(tar.find("opaque/.wh..wh..opq") != std::string::npos);
  CHECK(tar.find("opaque/.wh.gone") != std::string::npos);
  trees.round_trip();
  const struct stat gone = status_of(trees.to + "/opaque/gone");
  CHECK(S_ISCHR(gone.st_mode));
  CHECK(gone.st_rdev == 0);
  char value[8];
  CHECK(getxattr((trees.to + "/opaque").c_str(), "trusted.overlay.opaque", value, sizeof value) == 1);
  CHECK(trees.pack({.overlay = false}).find(".wh.") == std::string::npos);
}

TEST_CASE("the same tree gives the same bytes, whatever it was made by and however they are read") {
  const Trees trees;
  for (const char* name : {"b", "a", "c"}) write_file(trees.from + "/" + name, name);
  const std::string first = trees.pack({.latest_time = 1'000'000'000});
  for (const char* name : {"b", "a", "c"}) fs::remove(trees.from + "/" + name);
  for (const char* name : {"c", "b", "a"}) write_file(trees.from + "/" + name, name);
  CHECK(trees.pack({.latest_time = 1'000'000'000}, 7) == first);
  CHECK(trees.pack() != first);
}

TEST_CASE("sockets and what is to be left out are left out, and no link is followed") {
  const Trees trees;
  fs::create_directory_symlink("/etc", trees.from + "/conf");
  fs::create_directories(trees.from + "/secret/deep");
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (trees.from + "/socket").copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  close(fd);
  const std::string tar = trees.pack({.leave_out = [](const std::string& path) { return path == "secret"; }});
  CHECK(tar.find("socket") == std::string::npos);
  CHECK(tar.find("secret") == std::string::npos);
  CHECK(tar.find("passwd") == std::string::npos);
}

TEST_CASE("a pax record counts its own length, also where that makes it longer") {
  for (std::size_t length = 101; length < 1100; ++length) {
    const std::string header = image::tar_header({.name = std::string(length, 'n')});
    const std::size_t claimed = static_cast<std::size_t>(std::atol(header.c_str() + 512));
    REQUIRE(header[512 + claimed - 1] == '\n');
    REQUIRE((claimed % 512 == 0 || header[512 + claimed] == '\0'));
    REQUIRE(header.size() % 512 == 0);
  }
}

TEST_CASE("SOURCE_DATE_EPOCH is a number") {
  setenv("SOURCE_DATE_EPOCH", "12", 1);
  CHECK(image::time_of_making() == 12);
  setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
  CHECK_THROWS_AS(image::time_of_making(), kernel::Error);
  unsetenv("SOURCE_DATE_EPOCH");
  CHECK(image::time_of_making() > 1'700'000'000);
}
