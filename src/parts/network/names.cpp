#include "parts/network/names.hpp"

#include <vector>

#include "kernel/fd.hpp"

namespace coracle::parts {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

namespace {

// The name servers of `text`, and what else it says; "" when all of them are on a loopback address, where a
// container has nobody.
std::string without_loopback(const std::string& text) {
  std::string result;
  bool server = false;
  for (const std::string& line : lines_of(text)) {
    const std::string keyword = "nameserver";
    if (line.starts_with(keyword)) {
      const std::size_t address = line.find_first_not_of(" \t", keyword.size());
      if (address == std::string::npos || line.compare(address, 4, "127.") == 0 ||
          line.compare(address, 3, "::1") == 0) {
        continue;
      }
      server = true;
    }
    result += line + "\n";
  }
  return server ? result : "";
}

// As docker chooses: the host's; what systemd-resolved has behind its own 127.0.0.53; two public servers.
std::string usable_resolv_conf() {
  for (const char* path : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}) {
    if (!kernel::exists(path)) continue;
    if (std::string text = without_loopback(kernel::read_file(path)); !text.empty()) return text;
  }
  return "nameserver 8.8.8.8\nnameserver 8.8.4.4\n";
}

std::string hosts_file(const std::string& address, const std::string& hostname) {
  return "127.0.0.1\tlocalhost\n"
         "::1\tlocalhost ip6-localhost ip6-loopback\n" +
         address + "\t" + hostname + "\n";
}

}  // namespace

void write_name_files(Context& context, const std::string& address, const std::string& hostname) {
  const std::string name = hostname.empty() ? context.id : hostname;
  const auto add = [&](const char* file, const std::string& text) {
    const std::string source = context.run_dir + "/" + file;
    kernel::create_file(source, text);
    context.files.push_back({source, std::string("/etc/") + file});
  };
  add("resolv.conf", usable_resolv_conf());
  add("hosts", hosts_file(address, name));
  add("hostname", name + "\n");
}

}  // namespace coracle::parts
