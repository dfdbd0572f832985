// Tars written byte by byte, so that they can hold what no tar program would write, and a look at what they became.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace coracle::test {

// One header, with its content. The types are ustar's: '0' file, '1' hard link, '2' symbolic link, '3' and '4'
// character and block device, '5' directory, '6' fifo; 'x' pax header, 'L' GNU long name, 'S' GNU sparse.
struct TarEntry {
  std::string name;
  char type = '0';
  std::string content = {};
  std::string link = {};
  std::int64_t mode = 0644;
  std::int64_t uid = 0, gid = 0;
  std::int64_t mtime = 1'000'000'000;
  std::int64_t device_major = 0, device_minor = 0;
  std::int64_t size = -1;       // what the header claims; -1: the content's
  std::string gnu_fields = {};  // bytes from offset 345 on, in place of ustar's prefix
};

class Tar {
 public:
  Tar& add(const TarEntry& entry);
  // A pax header for the entry that follows.
  Tar& pax(const std::vector<std::pair<std::string, std::string>>& records);

  Tar& file(const std::string& name, const std::string& content = {}) {
    return add({.name = name, .content = content});
  }
  Tar& directory(const std::string& name, std::int64_t mode = 0755) {
    return add({.name = name, .type = '5', .mode = mode});
  }
  Tar& symlink(const std::string& name, const std::string& to) { return add({.name = name, .type = '2', .link = to}); }
  Tar& hardlink(const std::string& name, const std::string& to) { return add({.name = name, .type = '1', .link = to}); }
  // Any bytes, behind what is there.
  Tar& raw(const std::string& bytes);

  std::string unfinished() const { return bytes_; }
  std::string bytes() const { return bytes_ + std::string(1024, '\0'); }

 private:
  std::string bytes_;
};

std::string gzip(const std::string& bytes);
std::string zstd(const std::string& bytes);
std::string xz(const std::string& bytes);
std::string sha256(const std::string& bytes);  // in hex

void write_file(const std::string& path, const std::string& bytes);
std::string read_file(const std::string& path);

// Everything below a directory, and the directory itself, a line each: type, mode, owner, size, links, change time
// (which moves when anything about an inode does), link text, content's digest. Equal before and after: nothing was
// touched.
std::string snapshot(const std::string& directory);

}  // namespace coracle::test
