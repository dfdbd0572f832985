#include "support/archive.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <lzma.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "support/support.hpp"

namespace coracle::test {
namespace {

// Octal with a NUL behind it, as everybody writes it; GNU's base-256 for what does not fit, or is negative.
std::string number(std::int64_t value, std::size_t width) {
  const bool fits = value >= 0 && value < (std::int64_t{1} << (3 * (width - 1)));
  if (fits) return fmt::format("{:0{}o}", value, width - 1) + '\0';
  std::string field(width, value < 0 ? '\xff' : '\0');
  for (std::size_t index = 0; index < 8 && index < width - 1; ++index) {
    field[width - 1 - index] = static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * index)) & 0xffU);
  }
  field[0] = static_cast<char>(static_cast<unsigned char>(field[0]) | 0x80U);
  return field;
}

std::string text(const std::string& value, std::size_t width) {
  std::string field = value.substr(0, width);
  field.resize(width, '\0');
  return field;
}

}  // namespace

Tar& Tar::add(const TarEntry& entry) {
  if (entry.name.size() > 100 && entry.type != 'L') {  // GNU tar's way with long names
    add({.name = "././@LongLink", .type = 'L', .content = entry.name + '\0'});
  }
  const auto size = entry.size >= 0 ? entry.size : static_cast<std::int64_t>(entry.content.size());
  std::string header = text(entry.name, 100) + number(entry.mode, 8) + number(entry.uid, 8) + number(entry.gid, 8) +
                       number(size, 12) + number(entry.mtime, 12) + "        " + entry.type + text(entry.link, 100);
  header += entry.gnu_fields.empty() && entry.type != 'L' && entry.type != 'S' ? std::string(
                                                                                     "ustar\0"
                                                                                     "00",
                                                                                     8)
                                                                               : std::string("ustar  \0", 8);
  header += text("", 64) + number(entry.device_major, 8) + number(entry.device_minor, 8) + entry.gnu_fields;
  header.resize(512, '\0');
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  header.replace(148, 8, fmt::format("{:06o}", sum) + '\0' + ' ');
  bytes_ += header;
  return raw(entry.content + std::string((512 - entry.content.size() % 512) % 512, '\0'));
}

Tar& Tar::pax(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string body;
  for (const auto& [key, value] : records) {
    const std::size_t rest = key.size() + value.size() + 3;  // space, '=', newline; the length counts its own digits
    std::size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) ++length;
    body += std::to_string(length) + " " + key + "=" + value + "\n";
  }
  return add({.name = "PaxHeader", .type = 'x', .content = body});
}

Tar& Tar::raw(const std::string& bytes) {
  bytes_ += bytes;
  return *this;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& bytes) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size());
  ZSTD_freeCCtx(context);
  REQUIRE(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

std::string xz(const std::string& bytes) {
  std::string out(lzma_stream_buffer_bound(bytes.size()), '\0');
  std::size_t size = 0;
  REQUIRE(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                  bytes.size(), reinterpret_cast<std::uint8_t*>(out.data()), &size,
                                  out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}

std::string sha256(const std::string& bytes) { return run({"sha256sum"}, bytes).out.substr(0, 64); }

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  REQUIRE(file);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string snapshot(const std::string& directory) {
  std::ostringstream all;
  const auto line = [&](const std::filesystem::path& path) {
    struct stat status {};
    REQUIRE(lstat(path.c_str(), &status) == 0);
    all << path
        << fmt::format(" {:o} {}:{} {} {} {}.{}", status.st_mode, status.st_uid, status.st_gid, status.st_size,
                       status.st_nlink, status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
    if (S_ISLNK(status.st_mode)) all << " -> " << std::filesystem::read_symlink(path);
    if (S_ISREG(status.st_mode)) all << " " << std::hash<std::string>()(read_file(path));
    all << "\n";
  };
  line(directory);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) line(entry.path());
  return all.str();
}

}  // namespace coracle::test
