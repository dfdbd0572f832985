// Archives made to hurt. Beside the root that each is unpacked into stands a directory, the canary, in which nothing
// may change: no content, no mode, no time, no link count.
#include <filesystem>
#include <random>

#include <sys/stat.h>
#include <sys/xattr.h>

#include "kernel/error.hpp"
#include "parts/unpack.hpp"
#include "support/archive.hpp"
#include "support/support.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

class Jail {
 public:
  Jail() {
    std::filesystem::create_directories(canary + "/sub");
    write_file(canary + "/file", "untouched");
    before_ = snapshot(canary);
  }

  // Unpacks into a fresh root, and says what the error was, or "none". The canary lives, or the test fails.
  std::string unpack(const std::string& bytes, const parts::UnpackOptions& options = {}) {
    std::filesystem::remove_all(root);
    std::filesystem::create_directory(root);
    write_file(archive, bytes);
    std::string said = "none";
    try {
      parts::unpack(archive, root, options);
    } catch (const kernel::Error& error) {
      said = error.what();
    }
    INFO(said);
    CHECK(snapshot(canary) == before_);
    struct stat status {};
    CHECK((lstat(root.c_str(), &status) == 0 && S_ISDIR(status.st_mode)));
    return said;
  }
  std::string unpack(const Tar& tar, const parts::UnpackOptions& options = {}) { return unpack(tar.bytes(), options); }

  // The same inside the root: where a name that begins with "/" belongs.
  std::string inside(const std::string& path) const { return root + path; }

  TemporaryDirectory directory;
  std::string root = directory.path() + "/root";
  std::string canary = directory.path() + "/canary";
  std::string archive = directory.path() + "/archive";

 private:
  std::string before_;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
bool exists(const std::string& path) { return std::filesystem::exists(std::filesystem::symlink_status(path)); }

std::uintmax_t used(const std::string& path) {
  struct stat status {};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return static_cast<std::uintmax_t>(status.st_blocks) * 512U;
}

constexpr const char* kTypes = "0123456";  // file, hard link, link, devices, directory, fifo

}  // namespace

TEST_CASE("a name with .. in it is refused, for every type of entry") {
  Jail jail;
  for (const char type : std::string(kTypes)) {
    for (const char* name : {"../canary/new", "../canary/file", "a/../../canary/new", "..", "../", "/../canary/file",
                             "./../canary/file", "a/..", "..//..", "../root/../canary/sub"}) {
      INFO(type << " " << name);
      const std::string error =
          jail.unpack(Tar().directory("a").file("a/f").add({.name = name, .type = type, .link = "a/f"}));
      CHECK(contains(error, "\"..\""));
    }
  }
}

TEST_CASE("an absolute name lies inside the root") {
  Jail jail;
  CHECK(jail.unpack(
            Tar().file(jail.canary + "/file", "inside").directory(jail.canary + "/new").file("//etc///passwd", "p")) ==
        "none");
  CHECK(read_file(jail.inside(jail.canary + "/file")) == "inside");
  CHECK(read_file(jail.inside("/etc/passwd")) == "p");
}

TEST_CASE(
    "nothing is written through a link, whether it is absolute, relative, or a chain (CVE-2019-3902, CVE-2021-20206)") {
  Jail jail;
  for (const std::string& to :
       {jail.canary, std::string("../canary"), std::string("../../../../../../../..") + jail.canary,
        std::string("/proc/self/cwd/../../../../..") + jail.canary, std::string("/proc/self/root") + jail.canary}) {
    INFO(to);
    for (const char type : std::string(kTypes)) {
      const TarEntry below{.name = "l/file", .type = type, .content = type == '0' ? "mine" : "", .link = "/h"};
      jail.unpack(Tar().file("h").symlink("l", to).add(below));
      jail.unpack(Tar()
                      .file("h")
                      .symlink("a", "b")
                      .symlink("b", "c/d")
                      .symlink("c/d", to)
                      .add({.name = "a/file", .type = type, .link = "h"}));
      jail.unpack(Tar()
                      .file("h")
                      .symlink("file", to + "/file")
                      .add({.name = "file", .type = type, .content = type == '0' ? "mine" : "", .link = "h"}));
      CHECK_FALSE(std::filesystem::is_symlink(jail.root + "/file") != (type == '2'));
    }
  }
}

TEST_CASE("links in a circle are refused") {
  Jail jail;
  CHECK(contains(jail.unpack(Tar().symlink("a", "b").symlink("b", "a").file("a/x")), "ELOOP"));
  CHECK(jail.unpack(Tar().symlink("a", "a/a").file("a/x")) != "none");
  CHECK(jail.unpack(Tar().symlink("a", ".").file("a/a/a/x")) == "none");
}

TEST_CASE("a directory replaced by a link does not carry the entries behind it outside") {
  Jail jail;
  // The parent is known and open when it is replaced.
  CHECK(jail.unpack(Tar().directory("d").file("d/one").symlink("d", "../canary").file("d/file", "mine")) == "none");
  CHECK(read_file(jail.inside("/canary/file")) == "mine");
  CHECK(jail.unpack(Tar()
                        .directory("p/d")
                        .file("p/d/one")
                        .symlink("p", jail.canary)
                        .file("p/d/two")
                        .symlink("p/d", jail.canary)
                        .file("p/d/file", "mine")) == "none");
  CHECK(jail.unpack(Tar().file("d/f/g").symlink("d/f", "../../canary").hardlink("d/f/h", "d/f/file")) != "none");
}

TEST_CASE("a hard link leads to nothing outside") {
  Jail jail;
  for (const std::string& to :
       {jail.canary + "/file", std::string("canary/file"), std::string("/proc/self/root") + jail.canary + "/file"}) {
    CHECK(contains(jail.unpack(Tar().hardlink("h", to)), "ENOENT"));
  }
  CHECK(contains(jail.unpack(Tar().hardlink("h", "../canary/file")), "\"..\""));
  CHECK(contains(jail.unpack(Tar().symlink("l", "../canary").hardlink("h", "l/file")), "ENOENT"));
  CHECK(contains(jail.unpack(Tar().symlink("l", jail.canary).hardlink("h", "l/file")), "ENOENT"));
  CHECK(jail.unpack(Tar().hardlink("h", ".")) != "none");
  CHECK(jail.unpack(Tar().directory("d").hardlink("h", "d")) != "none");
}

// CVE-2021-31566 and CVE-2026-17106: a second name for a link, and then a write to that name.
TEST_CASE("a hard link to a link is a link, and nothing is written through it either") {
  Jail jail;
  for (const std::string& to : {jail.canary + "/file", std::string("../canary/file")}) {
    INFO(to);
    Tar tar;
    tar.symlink("s", to).hardlink("h", "s");
    CHECK(jail.unpack(tar) == "none");
    CHECK(std::filesystem::read_symlink(jail.inside("/h")) == to);
    for (const char type : std::string(kTypes)) {
      jail.unpack(Tar(tar).add(
          {.name = "h", .type = type, .content = type == '0' ? "mine" : "", .link = "s", .mode = 07777, .mtime = 1}));
    }
    // pax lets a hard link carry content; it is not written.
    CHECK(jail.unpack(Tar()
                          .symlink("s", to)
                          .pax({{"comment", "pax"}})
                          .add({.name = "h", .type = '1', .content = "mine", .link = "s"})) == "none");
    CHECK(jail.unpack(Tar().symlink("s", to).pax({{"linkpath", "s"}}).add({.name = "h", .content = "mine"})) == "none");
  }
}

TEST_CASE("a hard link to itself changes nothing, and one in place of its own directory fails") {
  Jail jail;
  CHECK(jail.unpack(Tar().file("f", "kept").hardlink("f", "f").hardlink("./f", "/f")) == "none");
  CHECK(read_file(jail.inside("/f")) == "kept");
  CHECK(contains(jail.unpack(Tar().file("d/f", "x").hardlink("d", "d/f")), "ENOENT"));
}

// CVE-2021-29136: the root replaced by a link, and everything after it goes where that leads.
TEST_CASE("the root stays a directory") {
  Jail jail;
  for (const char* name : {".", "./", "/", "", "//./."}) {
    for (const char type : std::string(kTypes)) {
      INFO(type << " " << name);
      const std::string error =
          jail.unpack(Tar()
                          .file("f")
                          .add({.name = name, .type = type, .link = type == '2' ? "../canary" : "f"})
                          .file("file", "mine"));
      CHECK((error == "none") == (type == '5' || (type == '0' && std::string(name).ends_with('/'))));
    }
  }
}

// CVE-2021-32760, CVE-2021-31566: attributes that were to be set later, on what is a link by then.
TEST_CASE("mode, owner, times and attributes are not set through a link") {
  Jail jail;
  const TarEntry open{.name = "d", .type = '5', .mode = 0777, .uid = 7, .mtime = 1};
  const std::vector<std::pair<std::string, std::string>> xattr = {{"SCHILY.xattr.trusted.mine", "x"}};
  CHECK(jail.unpack(Tar().pax(xattr).add(open).symlink("d", "../canary")) == "none");
  CHECK(jail.unpack(Tar().symlink("d", "../canary").pax(xattr).add(open)) == "none");
  CHECK(jail.unpack(
            Tar().symlink("d", jail.canary).pax(xattr).add({.name = "d/sub", .type = '5', .mode = 0777, .mtime = 1})) ==
        "none");
  CHECK(jail.unpack(Tar().pax(xattr).add({.name = "p/sub", .type = '5', .mode = 0777}).symlink("p", "../canary")) ==
        "none");
  CHECK(jail.unpack(Tar().pax(xattr).add(
            {.name = "l", .type = '2', .link = jail.canary + "/file", .mode = 0777, .uid = 7, .mtime = 1})) == "none");
  CHECK(jail.unpack(Tar().symlink("l", jail.canary).file("l/.wh..wh..opq").file("l/.wh.file")) == "none");
  // What replaced the directory has the same path, and its own attributes.
  CHECK(jail.unpack(Tar()
                        .add({.name = "a/b", .type = '5', .mode = 01777})
                        .file("a")
                        .file("c/x")
                        .symlink("a", "c")
                        .directory("c/b", 0700)) == "none");
  struct stat status {};
  REQUIRE(lstat(jail.inside("/c/b").c_str(), &status) == 0);
  CHECK(status.st_mode == (S_IFDIR | 0700));
}

TEST_CASE("device numbers that Linux does not have are refused, not cut off") {
  Jail jail;
  const auto device = [&](std::int64_t major_number, std::int64_t minor_number) {
    return jail.unpack(
        Tar().add({.name = "dev", .type = '3', .device_major = major_number, .device_minor = minor_number}));
  };
  CHECK(device(4095, 1048575) == "none");
  CHECK(contains(device(4096 + 1, 3), "4097:3"));  // would become 1:3, /dev/null
  CHECK(contains(device(1, (1 << 20) + 3), "1:1048579"));
  CHECK(device(std::int64_t{1} << 32, 0) != "none");
  CHECK(device(-1, 0) != "none");
  CHECK(device(0, -1) != "none");
  CHECK(
      jail.unpack(
          Tar().pax({{"SCHILY.devmajor", "4294967297"}, {"SCHILY.devminor", "3"}}).add({.name = "dev", .type = '3'})) !=
      "none");
}

TEST_CASE("owners that Linux does not have are refused, not cut off") {
  Jail jail;
  for (const std::int64_t id :
       {std::int64_t{-1}, std::int64_t{4294967295}, std::int64_t{4294967296}, std::int64_t{1} << 40}) {
    INFO(id);
    CHECK(contains(jail.unpack(Tar().add({.name = "f", .uid = id})), "chown to user"));
    CHECK(contains(jail.unpack(Tar().add({.name = "f", .gid = id})), "chown to group"));
    CHECK(contains(jail.unpack(Tar().pax({{"uid", std::to_string(id)}}).file("f")), "chown to user"));
  }
}

TEST_CASE("a whiteout hides nothing but a name in its own directory") {
  Jail jail;
  for (const char* name : {".wh.", ".wh..", ".wh...", "d/.wh..", "d/.wh..."}) {
    INFO(name);
    CHECK(contains(jail.unpack(Tar().directory("d").file(name)), "has no name"));
  }
  CHECK(jail.unpack(Tar().file(".wh.nothing").file("a/b/.wh.nothing").file(".wh.nothing").file(".wh..wh..opq")) ==
        "none");
  CHECK(exists(jail.inside("/a/b/nothing")));
  CHECK(jail.unpack(Tar().symlink(".wh.x", "../canary").directory(".wh.y").hardlink(".wh.z", "/nowhere")) == "none");
  CHECK(jail.unpack(Tar().symlink("l", "../canary").file(".wh.l").file("l/.wh.file")) == "none");
  CHECK(exists(jail.inside("/canary/file")));  // the whiteout, inside
}

TEST_CASE("a bomb ends at the limit, whatever it is made of") {
  Jail jail;
  const std::string mebibyte(1U << 20U, '\0');
  Tar files, empty;
  for (int index = 0; index < 16; ++index) files.file("f" + std::to_string(index), mebibyte);
  for (int index = 0; index < 1000; ++index) empty.file("f" + std::to_string(index));
  const std::string bomb = gzip(files.bytes());
  CHECK(bomb.size() < 100'000);
  CHECK(contains(jail.unpack(bomb, {.most_bytes = 4U << 20U}), "more than 4194304 bytes"));
  CHECK(jail.unpack(bomb, {.most_bytes = 16U << 20U}) == "none");
  CHECK(contains(jail.unpack(empty, {.most_entries = 999}), "more than 999 entries"));
  CHECK(jail.unpack(empty, {.most_entries = 1000}) == "none");
  // Bytes of the stream that become no file: behind the end, and as the content of what has none.
  const std::string zeros(64U << 20U, '\0');
  CHECK(contains(jail.unpack(gzip(Tar().file("f").raw(zeros).bytes()), {.most_bytes = 4096, .most_entries = 10}),
                 "bytes out of the archive"));
  CHECK(contains(jail.unpack(gzip(Tar()
                                      .file("f")
                                      .pax({{"comment", "pax"}})
                                      .add({.name = "h", .type = '1', .content = zeros, .link = "f"})
                                      .bytes()),
                             {.most_bytes = 4096, .most_entries = 10}),
                 "bytes out of the archive"));
}

TEST_CASE("100,000 entries are unpacked") {
  Jail jail;
  Tar tar;
  for (int index = 0; index < 100'000; ++index)
    tar.file("d" + std::to_string(index / 1000) + "/f" + std::to_string(index), "x");
  CHECK(jail.unpack(gzip(tar.bytes())) == "none");
  CHECK(read_file(jail.inside("/d99/f99999")) == "x");
}

TEST_CASE("a sparse file of 4 GB stays sparse, in each of the formats") {
  Jail jail;
  const std::string size = "4294967296";
  const std::string block(512, 'x');
  const std::string map = "1\n4294966784\n512\n";
  const std::string gnu_map = "37777777000" + std::string(1, '\0') + "00000001000" + std::string(1, '\0');
  std::string fields(41, '\0');  // atime to unused: offsets 345 to 385, then four pairs of offset and size
  fields += gnu_map + std::string(72, '\0') + '\0' + "40000000000" + std::string(1, '\0');
  const std::vector<std::pair<std::string, Tar>> formats = {
      {"GNU", Tar().add({.name = "f", .type = 'S', .content = block, .gnu_fields = fields})},
      {"pax 0.0", Tar()
                      .pax({{"GNU.sparse.size", size},
                            {"GNU.sparse.numblocks", "1"},
                            {"GNU.sparse.offset", "4294966784"},
                            {"GNU.sparse.numbytes", "512"}})
                      .file("f", block)},
      {"pax 0.1", Tar()
                      .pax({{"GNU.sparse.size", size},
                            {"GNU.sparse.numblocks", "1"},
                            {"GNU.sparse.map", "4294966784,512"},
                            {"GNU.sparse.name", "f"}})
                      .file("x", block)},
      {"pax 1.0", Tar()
                      .pax({{"GNU.sparse.major", "1"},
                            {"GNU.sparse.minor", "0"},
                            {"GNU.sparse.name", "f"},
                            {"GNU.sparse.realsize", size}})
                      .file("x", map + std::string(512 - map.size(), '\0') + block)},
      {"a hole alone", Tar()
                           .pax({{"GNU.sparse.major", "1"},
                                 {"GNU.sparse.minor", "0"},
                                 {"GNU.sparse.name", "f"},
                                 {"GNU.sparse.realsize", size}})
                           .file("x", "1\n4294967296\n0\n" + std::string(512 - 15, '\0'))},
  };
  for (const auto& [name, tar] : formats) {
    INFO(name);
    CHECK(jail.unpack(tar, {.most_bytes = 1024}) == "none");
    CHECK(std::filesystem::file_size(jail.inside("/f")) == 4294967296);
    CHECK(used(jail.inside("/f")) <= 8192);
  }
}

TEST_CASE("maps of sparse files that lie do no harm") {
  Jail jail;
  const auto sparse = [&](const std::string& map, const std::string& size) {
    std::string content = map + std::string((512 - map.size() % 512) % 512, '\0') + std::string(1024, 'x');
    return jail.unpack(Tar()
                           .pax({{"GNU.sparse.major", "1"},
                                 {"GNU.sparse.minor", "0"},
                                 {"GNU.sparse.name", "f"},
                                 {"GNU.sparse.realsize", size}})
                           .file("x", content)
                           .file("after", "here"),
                       {.most_bytes = 4096});
  };
  for (const char* map :
       {"1\n-512\n512\n", "1\n0\n-1\n", "99999999999\n", "2\n512\n512\n0\n512\n", "1\n0\n99999999999999\n", "x\n", "",
        "1\n9223372036854775807\n512\n", "3\n0\n512\n0\n512\n0\n512\n", "1\n18446744073709551615\n1\n"}) {
    for (const char* size : {"1024", "1", "-1", "9223372036854775807", "0"}) {
      INFO(map << " size " << size);
      const std::string error = sparse(map, size);
      if (exists(jail.inside("/f"))) CHECK(used(jail.inside("/f")) <= 65536);
      if (error == "none") CHECK(read_file(jail.inside("/after")) == "here");
    }
  }
}

TEST_CASE("what has to be kept in memory of an archive has a limit") {
  Jail jail;
  // A map with two million pieces of nothing: 96 MB of memory.
  std::string map = "2000000\n";
  for (int index = 0; index < 2'000'000; ++index) map += "0\n0\n";
  Tar sparse;
  sparse.pax({{"GNU.sparse.major", "1"},
              {"GNU.sparse.minor", "0"},
              {"GNU.sparse.name", "f"},
              {"GNU.sparse.realsize", "1024"}});
  sparse.file("x", map + std::string((512 - map.size() % 512) % 512, '\0'));
  CHECK(contains(jail.unpack(sparse), "more than 4 MiB before its contents"));
  // Directories get their times at the end. With large attributes a few would do.
  Tar directories;
  for (int index = 0; index < 200; ++index) directories.directory("d" + std::to_string(index));
  parts::Budget memory = 20'000;
  CHECK(contains(jail.unpack(directories, {.memory = &memory}), "directories"));
  CHECK(memory == 20'000);
  CHECK(jail.unpack(directories) == "none");
  // What is skipped is no header: the contents of an entry that has none.
  Tar skipped;
  skipped.file("f").pax({{"comment", "pax"}});
  skipped.add({.name = "h", .type = '1', .content = std::string(6U << 20U, 'x'), .link = "f"}).file("g");
  CHECK(jail.unpack(skipped) == "none");
}

// CVE-2025-62518: a reader that takes the size of the ustar header sees entries in what is a file's content.
TEST_CASE("the size of a pax header counts, and what is in a file is no entry") {
  Jail jail;
  const std::string inner = Tar().file("smuggled", "x").bytes();
  const std::string size = std::to_string(inner.size());
  CHECK(
      jail.unpack(Tar().pax({{"size", size}}).add({.name = "f", .content = inner, .size = 0}).file("after", "here")) ==
      "none");
  CHECK(read_file(jail.inside("/f")) == inner);
  CHECK(read_file(jail.inside("/after")) == "here");
  CHECK_FALSE(exists(jail.inside("/smuggled")));
}

TEST_CASE("names with a newline are kept, and names end at a NUL") {
  Jail jail;
  CHECK(jail.unpack(Tar()
                        .file("new\nline", "1")
                        .file("es\x1b[31mcape", "2")
                        .file("back\\slash", "3")
                        .file(std::string(255, 'n'), "4")) == "none");
  CHECK(read_file(jail.inside("/new\nline")) == "1");
  CHECK(read_file(jail.inside("/es\x1b[31mcape")) == "2");
  CHECK(read_file(jail.inside("/back\\slash")) == "3");
  jail.unpack(Tar().pax({{"path", std::string("a\0/../../canary/file", 20)}}).file("x", "mine"));
  CHECK(exists(jail.inside("/a")));
}

TEST_CASE("names that are too long are refused") {
  Jail jail;
  CHECK(contains(jail.unpack(Tar().file(std::string(256, 'n'))), "ENAMETOOLONG"));
  CHECK(contains(jail.unpack(Tar().file("d/" + std::string(300, 'n') + "/f")), "ENAMETOOLONG"));
  CHECK(contains(
      jail.unpack(
          Tar().symlink("l", std::string(100, 'n')).pax({{"linkpath", std::string(5000, 'n')}}).symlink("m", "x")),
      "ENAMETOOLONG"));
  std::string deep;
  for (int level = 0; level < 10'000; ++level) deep += "d/";
  const std::string error = jail.unpack(Tar().file(deep + "f"));
  CHECK(contains(error, "ENAMETOOLONG"));
  CHECK(error.size() < 1000);  // the name is not all in it
}

TEST_CASE("directories nest as deep as a path can be long, and further by links, and can be removed again") {
  Jail jail;
  Tar tar;
  std::string deep;
  for (int level = 0; level < 1900; ++level) tar.directory(deep += "d/");
  CHECK(jail.unpack(Tar(tar).file(deep + "f", "x")) == "none");
  std::string links = "l";
  for (int level = 0; level < 5; ++level) {
    tar.symlink(links, "/" + deep).directory(links + "/e");
    links += "/l";
  }
  jail.unpack(tar);
  jail.unpack(Tar(tar).file("d", "in place of it all"));
  CHECK(read_file(jail.inside("/d")) == "in place of it all");
}

TEST_CASE("an archive cut off anywhere is an error") {
  Jail jail;
  std::string contents(3000, '\0');
  std::mt19937 random(1);
  for (char& byte : contents) byte = static_cast<char>(random());
  const Tar tar =
      Tar().directory("d").file("d/f", contents).symlink("d/l", "f").pax({{"mtime", "1.5"}}).file("g", contents);
  const std::string plain = tar.unfinished();
  for (std::size_t size = 0; size <= plain.size(); size += 256) {
    INFO(size);
    CHECK(jail.unpack(plain.substr(0, size)) != "none");
  }
  for (const std::string& packed : {gzip(tar.bytes()), zstd(tar.bytes()), xz(tar.bytes())}) {
    REQUIRE(jail.unpack(packed) == "none");
    for (std::size_t size = 0; size < packed.size(); size += 101) {
      INFO(size << " of " << packed.size());
      CHECK(jail.unpack(packed.substr(0, size)) != "none");
    }
  }
}

TEST_CASE("bits turned over do no harm, and under a checksum they are an error") {
  Jail jail;
  std::string contents(3000, '\0');
  std::mt19937 random(2);
  for (char& byte : contents) byte = static_cast<char>(random());
  const std::string tar = Tar()
                              .directory("d")
                              .file("d/f", contents)
                              .symlink("d/l", "../../canary")
                              .pax({{"path", "d/g"}, {"SCHILY.xattr.trusted.x", "y"}})
                              .file("g", contents)
                              .hardlink("h", "d/g")
                              .add({.name = "n", .type = '3', .device_major = 1, .device_minor = 3})
                              .bytes();
  for (int round = 0; round < 400; ++round) {
    std::string wrong = tar;
    const std::size_t at = random() % wrong.size();
    wrong[at] = static_cast<char>(static_cast<unsigned char>(wrong[at]) ^ (1U << random() % 8));
    INFO(round << " at " << at);
    jail.unpack(wrong);
  }
  for (const std::string& packed : {gzip(tar), zstd(tar), xz(tar)}) {
    for (int round = 0; round < 100; ++round) {
      std::string wrong = packed;
      const std::size_t at = 10 + random() % (wrong.size() - 10);  // gzip's first ten bytes are about its file
      wrong[at] = static_cast<char>(static_cast<unsigned char>(wrong[at]) ^ (1U << random() % 8));
      INFO(round << " at " << at << " of " << packed.size());
      CHECK(jail.unpack(wrong) != "none");
    }
  }
}
