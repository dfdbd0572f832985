// The part unpack: what an archive becomes, and what it says when it cannot.
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "kernel/error.hpp"
#include "parts/unpack.hpp"
#include "support/archive.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

// An archive and the directory that it is unpacked into.
struct Place {
  TemporaryDirectory directory;
  std::string archive = directory.path() + "/a.tar";
  std::string root = directory.path() + "/root";

  explicit Place(const std::string& bytes) {
    write_file(archive, bytes);
    std::filesystem::create_directory(root);
  }
  explicit Place(const Tar& tar) : Place(tar.bytes()) {}

  parts::Unpacked unpack(const parts::UnpackOptions& options = {}) const {
    return parts::unpack(archive, root, options);
  }

  std::string error(const parts::UnpackOptions& options = {}) const {
    try {
      unpack(options);
    } catch (const kernel::Error& error) {
      return error.what();
    }
    return "none";
  }

  struct stat status(const std::string& name) const {
    struct stat status {};
    INFO(name);
    REQUIRE(lstat((root + "/" + name).c_str(), &status) == 0);
    return status;
  }

  bool has(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(root + "/" + name));
  }
  std::string content(const std::string& name) const { return test::read_file(root + "/" + name); }

  std::string xattr(const std::string& name, const char* attribute) const {
    char value[256];
    const ssize_t size = lgetxattr((root + "/" + name).c_str(), attribute, value, sizeof value);
    return size < 0 ? "none" : std::string(value, static_cast<std::size_t>(size));
  }
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

std::size_t threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

// More than all buffers of the pipeline hold, and not compressible to nothing.
std::string much() {
  std::string bytes;
  std::uint32_t state = 1;
  while (bytes.size() < 6U << 20U) {
    state = state * 1664525U + 1013904223U;
    bytes.push_back(static_cast<char>(state >> 24U));
  }
  return bytes;
}

}  // namespace

TEST_CASE("a tar is unpacked out of gzip, zstd, xz and nothing, told by the bytes and not by the name") {
  const std::string tar = Tar().directory("d").file("d/f", "content").file("much", much()).bytes();
  for (const std::string& bytes : {tar, gzip(tar), zstd(tar), xz(tar)}) {
    const Place place(bytes);
    const parts::Unpacked done = place.unpack();
    CHECK(done.entries == 3);
    CHECK(done.bytes == 7 + much().size());
    CHECK(place.content("d/f") == "content");
    CHECK(place.content("much") == much());
  }
}

TEST_CASE("a gzip of several members and a zstd of several frames are one stream") {
  const std::string tar = Tar().file("one", "1").file("two", "2").bytes();
  const std::string first = tar.substr(0, 700), second = tar.substr(700);
  for (const std::string& bytes : {gzip(first) + gzip(second), zstd(first) + zstd(second), xz(first) + xz(second)}) {
    const Place place(bytes);
    CHECK(place.unpack().entries == 2);
    CHECK(place.content("two") == "2");
  }
  // A frame that holds nothing for us, as zstd:chunked has it behind its end (RFC 8878, 3.1.2).
  const std::string skippable(
      "\x50\x2a\x4d\x18\x04\x00\x00\x00"
      "toc!",
      12);
  CHECK(Place(zstd(tar) + skippable).unpack().entries == 2);
  CHECK(Place(skippable + zstd(tar)).unpack().entries == 2);
}

TEST_CASE("the callback gets every byte of the tar in order, also what follows its end, in another thread") {
  const std::string tar = Tar().file("much", much()).bytes() + std::string(20'000, '\0');
  for (const std::string& bytes : {tar, gzip(tar)}) {
    const Place place(bytes);
    std::string seen;
    std::thread::id thread;
    place.unpack({.uncompressed = [&](std::string_view piece) {
      seen += piece;
      thread = std::this_thread::get_id();
    }});
    CHECK(seen == tar);
    CHECK(thread != std::this_thread::get_id());
  }
}

TEST_CASE("no thread outlives unpack, however it ends") {
  const std::size_t before = threads();
  const auto count = [&](const Place& place, const parts::UnpackOptions& options) {
    place.error(options);
    return threads();
  };
  const std::string tar = Tar().file("much", much()).bytes();
  const auto nothing = [](std::string_view) {};
  CHECK(count(Place(gzip(tar)), {.uncompressed = nothing}) == before);
  CHECK(count(Place(gzip(tar).substr(0, 3'000'000)), {.uncompressed = nothing}) == before);
  CHECK(count(Place(gzip(tar)), {.uncompressed = nothing, .most_bytes = 100}) == before);
  CHECK(count(Place(Tar().file("f/f").file("../f").raw(tar)), {.uncompressed = nothing}) == before);
}

TEST_CASE("what the callback throws is what unpack throws") {
  const Place place(gzip(Tar().file("much", much()).bytes()));
  const auto fails = [](std::string_view) { throw kernel::Error("compute the digest", EIO); };
  CHECK(contains(place.error({.uncompressed = fails}), "compute the digest: EIO"));
}

TEST_CASE("owner, mode with setuid, time, links, fifo and device are as the archive says") {
  Place place(
      Tar()
          .directory("d", 01777)
          .add({.name = "d/su", .content = "x", .mode = 04755, .uid = 12, .gid = 34, .mtime = 123456789})
          .add({.name = "big-ids", .uid = 4'294'967'294, .gid = 3'000'000'000})
          .hardlink("d/second", "d/su")
          .add({.name = "l", .type = '2', .link = "d/su", .uid = 5, .mtime = 77})
          .add({.name = "fifo", .type = '6', .mode = 0620})
          .add({.name = "null", .type = '3', .mode = 0666, .device_major = 1, .device_minor = 3})
          .add({.name = "disk", .type = '4', .mode = 0660, .gid = 6, .device_major = 4095, .device_minor = 1048575}));
  CHECK(place.unpack().entries == 8);
  const struct stat su = place.status("d/su");
  CHECK(su.st_mode == (S_IFREG | 04755));
  CHECK(su.st_uid == 12);
  CHECK(su.st_gid == 34);
  CHECK(su.st_mtime == 123456789);
  CHECK(su.st_nlink == 2);
  CHECK(place.status("d/second").st_ino == su.st_ino);
  CHECK(place.status("d").st_mode == (S_IFDIR | 01777));
  CHECK(place.status("d").st_mtime == 1'000'000'000);  // though files were made in it after
  CHECK(place.status("big-ids").st_uid == 4'294'967'294);
  CHECK(place.status("big-ids").st_gid == 3'000'000'000);
  CHECK(std::filesystem::read_symlink(place.root + "/l") == "d/su");
  CHECK(place.status("l").st_uid == 5);
  CHECK(place.status("l").st_mtime == 77);
  CHECK(place.status("fifo").st_mode == (S_IFIFO | 0620));
  CHECK(place.status("null").st_mode == (S_IFCHR | 0666));
  CHECK(place.status("null").st_rdev == makedev(1, 3));
  CHECK(place.status("disk").st_mode == (S_IFBLK | 0660));
  CHECK(place.status("disk").st_rdev == makedev(4095, 1048575));
}

TEST_CASE("times have nanoseconds, and may lie before 1970") {
  const Place place(
      Tar().pax({{"mtime", "1234567890.123456789"}, {"atime", "7.5"}}).file("f").pax({{"mtime", "-5.0"}}).file("old"));
  place.unpack();
  CHECK(place.status("f").st_mtim.tv_nsec == 123456789);
  CHECK(place.status("f").st_atim.tv_sec == 7);
  CHECK(place.status("f").st_atim.tv_nsec == 500'000'000);
  CHECK(place.status("old").st_mtime == -5);
}

TEST_CASE("extended attributes are kept, capabilities among them, but none that steer overlayfs") {
  // struct vfs_cap_data, version 2: cap_net_raw permitted and effective. It has NULs in it.
  const std::string capability("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  const Place place(Tar()
                        .pax({{"SCHILY.xattr.security.capability", capability},
                              {"SCHILY.xattr.trusted.mine", "yes"},
                              {"SCHILY.xattr.trusted.overlay.redirect", "/etc"},
                              {"SCHILY.xattr.user.overlay.opaque", "y"}})
                        .add({.name = "ping", .mode = 0755, .uid = 1})
                        .pax({{"SCHILY.xattr.trusted.overlay.opaque", "y"}, {"SCHILY.xattr.trusted.mine", "dir"}})
                        .directory("d"));
  place.unpack();
  CHECK(place.xattr("ping", "security.capability") == capability);
  CHECK(place.xattr("ping", "trusted.mine") == "yes");
  CHECK(place.xattr("ping", "trusted.overlay.redirect") == "none");
  CHECK(place.xattr("ping", "user.overlay.opaque") == "none");
  CHECK(place.xattr("d", "trusted.mine") == "dir");
  CHECK(place.xattr("d", "trusted.overlay.opaque") == "none");
}

TEST_CASE("a default ACL of a directory does not come over what is unpacked into it") {
  const std::string acl(
      "\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff\x04\x00\x07\x00\xff\xff\xff\xff\x20\x00\x07\x00\xff\xff\xff"
      "\xff",
      28);
  const Place place(
      Tar().pax({{"SCHILY.xattr.system.posix_acl_default", acl}}).directory("d").file("d/f").directory("d/sub"));
  place.unpack();
  CHECK(place.xattr("d", "system.posix_acl_default") == acl);
  CHECK(place.xattr("d/sub", "system.posix_acl_default") == "none");
  CHECK(place.status("d/f").st_mode == (S_IFREG | 0644));
}

TEST_CASE("names are taken as their bytes, whatever characters they stand for") {
  const std::string utf8 = "z\xc3\xbc rich", decomposed = "zu\xcc\x88 rich", latin1 = "z\xfc rich";
  const Place place(Tar()
                        .file(utf8)
                        .pax({{"path", decomposed}})
                        .file("x")
                        .file(latin1)
                        .pax({{"path", "l\xc3\xb6"}, {"linkpath", utf8}})
                        .hardlink("x", "x"));
  place.unpack();
  CHECK(place.has(utf8));
  CHECK(place.has(decomposed));
  CHECK(place.has(latin1));
  CHECK(place.status("l\xc3\xb6").st_ino == place.status(utf8).st_ino);
}

TEST_CASE("missing parents are made: root's, 0755, whatever our umask") {
  const mode_t before = umask(077);
  const Place place(Tar().file("a/b/c", "deep"));
  place.unpack();
  umask(before);
  CHECK(place.content("a/b/c") == "deep");
  CHECK(place.status("a").st_mode == (S_IFDIR | 0755));
  CHECK(place.status("a/b").st_mode == (S_IFDIR | 0755));
  CHECK(place.status("a/b/c").st_mode == (S_IFREG | 0644));
}

TEST_CASE("a later entry replaces an earlier one, whatever both are") {
  const Place place(Tar()
                        .file("file-file", "old")
                        .file("file-file", "new")
                        .file("file-dir", "old")
                        .directory("file-dir", 0700)
                        .directory("dir-file")
                        .file("dir-file/x", "gone")
                        .file("dir-file", "new")
                        .directory("dir-link")
                        .file("dir-link/x", "gone")
                        .symlink("dir-link", "elsewhere")
                        .directory("elsewhere")
                        .symlink("link-dir", "elsewhere")
                        .directory("link-dir", 0711)
                        .file("link-dir/y", "mine")
                        .file("target", "untouched")
                        .symlink("link-file", "target")
                        .file("link-file", "new"));
  place.unpack();
  CHECK(place.content("file-file") == "new");
  CHECK(place.status("file-dir").st_mode == (S_IFDIR | 0700));
  CHECK(place.content("dir-file") == "new");
  CHECK(std::filesystem::read_symlink(place.root + "/dir-link") == "elsewhere");
  CHECK(place.status("link-dir").st_mode == (S_IFDIR | 0711));
  CHECK(place.has("link-dir/y"));
  CHECK_FALSE(place.has("elsewhere/y"));
  CHECK(place.status("elsewhere").st_mode == (S_IFDIR | 0755));
  CHECK(place.content("target") == "untouched");
  CHECK(place.content("link-file") == "new");
}

TEST_CASE("a directory that comes again keeps its content and takes the new attributes") {
  const Place place(Tar().directory("d", 0700).file("d/f", "kept").directory("d", 0751).directory("./", 0711));
  place.unpack();
  CHECK(place.content("d/f") == "kept");
  CHECK(place.status("d").st_mode == (S_IFDIR | 0751));
  CHECK(place.status(".").st_mode == (S_IFDIR | 0711));
}

TEST_CASE("entries below a link go to where it leads, which is made when missing") {
  const Place place(Tar()
                        .symlink("lib", "usr/lib")
                        .file("lib/early", "1")
                        .directory("usr")
                        .directory("usr/lib", 0751)
                        .file("lib/late", "2")
                        .symlink("usr/bin", "../sbin")
                        .file("usr/bin/tool", "3")
                        .symlink("abs", "/opt/x")
                        .file("abs/y/z", "4"));
  place.unpack();
  CHECK(std::filesystem::is_symlink(place.root + "/lib"));
  CHECK(place.content("usr/lib/early") == "1");
  CHECK(place.content("usr/lib/late") == "2");
  CHECK(place.status("usr/lib").st_mode == (S_IFDIR | 0751));
  CHECK(place.content("sbin/tool") == "3");
  CHECK(place.content("opt/x/y/z") == "4");
}

TEST_CASE("a whiteout hides what is below, and nothing of its own layer, whichever comes first") {
  const Place place(Tar()
                        .file(".wh.gone")
                        .file("a/.wh.gone")
                        .file(".wh.f")
                        .file("f", "mine")
                        .file("g", "mine")
                        .file(".wh.g")
                        .file(".wh.d")
                        .file("d/x")
                        .directory("e")
                        .file("e/x")
                        .file(".wh.e")
                        .file(".wh.h")
                        .directory("h", 0700)
                        .directory("o")
                        .file("o/before")
                        .file("o/.wh..wh..opq")
                        .file("o/after"));
  place.unpack();
  CHECK(whiteout(place.status("gone")));
  CHECK(whiteout(place.status("a/gone")));
  CHECK(place.content("f") == "mine");
  CHECK(place.content("g") == "mine");
  for (const char* name : {"d", "e", "h", "o"}) {
    INFO(name);
    CHECK(S_ISDIR(place.status(name).st_mode));
    CHECK(place.xattr(name, "trusted.overlay.opaque") == "y");
  }
  CHECK(place.xattr("a", "trusted.overlay.opaque") == "none");
  CHECK(place.status("d").st_mode == (S_IFDIR | 0755));
  CHECK(place.status("h").st_mode == (S_IFDIR | 0700));
  for (const char* name : {"d/x", "e/x", "o/before", "o/after"}) CHECK(place.has(name));
  for (const char* name : {".wh.f", ".wh.d", "o/.wh..wh..opq"}) CHECK_FALSE(place.has(name));
}

TEST_CASE("what aufs noted about itself is left out") {
  const Place place(Tar().file(".wh..wh.aufs").directory(".wh..wh.plnk").file(".wh..wh.plnk/1.2").file("kept"));
  place.unpack();
  CHECK(place.has("kept"));
  CHECK(std::distance(std::filesystem::directory_iterator(place.root), {}) == 1);
}

TEST_CASE("an error names the archive, the entry and the reason") {
  const Place place(Tar().file("good").file("bad/../x"));
  const std::string error = place.error();
  CHECK(contains(error, "unpack " + place.archive + " at entry bad/../x: "));
  CHECK(contains(error, "\"..\""));
  CHECK(contains(Place(Tar().file("a\x1b[31m/..")).error(), "at entry a?[31m/..: "));
  CHECK(contains(Place("").error(), "unpack "));
  CHECK(contains(Place("this is a text and not a tar").error(), "unpack "));
  try {
    parts::unpack(place.directory.path() + "/missing.tar.gz", place.root);
    FAIL("it was unpacked");
  } catch (const kernel::Error& failure) {
    CHECK(failure.code() == ENOENT);
    CHECK(contains(failure.what(), "missing.tar.gz"));
  }
}

TEST_CASE("damage is an error: a wrong checksum, a missing end, anything behind it") {
  const std::string tar = Tar().file("f", much().substr(0, 100'000)).bytes();
  using Compress = std::string (*)(const std::string&);
  for (const Compress compress : {Compress(gzip), Compress(zstd), Compress(xz)}) {
    const std::string good = compress(tar);
    CHECK(Place(good).error() == "none");
    CHECK(Place(good + std::string(1, '\0')).error() != "none");
    CHECK(contains(Place(good + "garbage behind it").error(), "decompress"));
    for (const std::size_t missing : {1U, 4U, 8U, 50U}) {
      CHECK(contains(Place(good.substr(0, good.size() - missing)).error(), "cut off"));
    }
    for (const std::size_t at : {7U, 2U}) {  // gzip: in the CRC, in the length
      std::string wrong = good;
      wrong[wrong.size() - at] = static_cast<char>(wrong[wrong.size() - at] + 1);
      CHECK(contains(Place(wrong).error(), "decompress"));
    }
  }
  CHECK(contains(Place(Tar().file("f").bytes() + "more").error(), "behind the end"));
  CHECK(contains(Place(Tar().file("f", "x").unfinished()).error(), "missing"));
  CHECK(contains(Place(Tar().file("f", "x").unfinished().substr(0, 600)).error(), "runcated"));
  CHECK(Place(Tar().file("f").file("g").unfinished().substr(0, 1000)).error() != "none");
  CHECK(Place(Tar().file("f", "x").unfinished() + std::string(512, '\0')).error() == "none");
  CHECK(Place(std::string(1024, '\0')).error() == "none");  // an empty tar: the layer of a Dockerfile's ENV
}

TEST_CASE("a full disk is an error that says so") {
  const Place place(Tar().file("f", much()));
  REQUIRE(mount("tmpfs", place.root.c_str(), "tmpfs", 0, "size=1m") == 0);
  const std::string full = place.error();
  REQUIRE(umount(place.root.c_str()) == 0);
  CHECK(contains(full, "at entry f: pwrite"));
  CHECK(contains(full, "ENOSPC"));
  CHECK(contains(full, "disk is full"));
  REQUIRE(mount("tmpfs", place.root.c_str(), "tmpfs", 0, "nr_inodes=3") == 0);
  write_file(place.archive, Tar().file("a").file("b").file("c").bytes());
  const std::string inodes = place.error();
  REQUIRE(umount(place.root.c_str()) == 0);
  CHECK(contains(inodes, "ENOSPC"));
}
