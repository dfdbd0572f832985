#include "image/tar_header.hpp"

#include <cstring>
#include <numeric>

#include <fmt/format.h>

namespace coracle::image {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kName = 100;  // bytes of ustar's fields for names

// Of ustar's numbers: as many octal digits as the field has bytes, but one.
constexpr std::uint64_t kMostId = 07777777, kMostNumber = 077777777777;

void put(std::string& block, std::size_t offset, const std::string& text) {
  std::memcpy(block.data() + offset, text.data(), text.size());
}

void put_number(std::string& block, std::size_t offset, int digits, std::uint64_t number) {
  put(block, offset, fmt::format("{:0{}o}", number, digits));
}

// A number that the field has no room for stands in the pax header.
std::string ustar(const TarMember& member) {
  std::string block(kBlock, '\0');
  const auto fitting = [](std::uint64_t number, std::uint64_t most) { return number <= most ? number : 0; };
  put(block, 0, member.name.substr(0, kName));
  put_number(block, 100, 7, member.mode & 07777U);
  put_number(block, 108, 7, fitting(member.uid, kMostId));
  put_number(block, 116, 7, fitting(member.gid, kMostId));
  put_number(block, 124, 11, fitting(member.size, kMostNumber));
  put_number(block, 136, 11, fitting(static_cast<std::uint64_t>(member.modification), kMostNumber));
  block[156] = member.type;
  put(block, 157, member.link.substr(0, kName));
  put(block, 257,
      std::string("ustar\0"
                  "00",
                  8));
  put_number(block, 329, 7, member.device_major);
  put_number(block, 337, 7, member.device_minor);
  put(block, 148, "        ");
  const unsigned sum = std::accumulate(block.begin(), block.end(), 0U,
                                       [](unsigned all, char byte) { return all + static_cast<unsigned char>(byte); });
  put(block, 148, fmt::format("{:06o}", sum) + '\0');
  return block;
}

// "LENGTH KEY=VALUE\n", where the length counts its own digits.
std::string record(const std::string& key, const std::string& value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string records(const TarMember& member) {
  std::string text;
  if (member.name.size() > kName) text += record("path", member.name);
  if (member.link.size() > kName) text += record("linkpath", member.link);
  if (member.uid > kMostId) text += record("uid", std::to_string(member.uid));
  if (member.gid > kMostId) text += record("gid", std::to_string(member.gid));
  if (member.size > kMostNumber) text += record("size", std::to_string(member.size));
  if (static_cast<std::uint64_t>(member.modification) > kMostNumber)
    text += record("mtime", std::to_string(member.modification));
  for (const auto& [name, value] : member.xattrs) text += record("SCHILY.xattr." + name, value);
  return text;
}

}  // namespace

std::string tar_header(const TarMember& member) {
  const std::string pax = records(member);
  if (pax.empty()) return ustar(member);
  return ustar({.name = "././@PaxHeader", .type = 'x', .mode = 0644, .size = pax.size()}) + pax +
         tar_padding(pax.size()) + ustar(member);
}

std::string tar_padding(std::uint64_t size) { return std::string((kBlock - size % kBlock) % kBlock, '\0'); }

std::string tar_end() { return std::string(2 * kBlock, '\0'); }

}  // namespace coracle::image
