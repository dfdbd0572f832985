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

std::string hosts_file(const std::string& address, const std::string& hostname, const NameOptions& names) {
  std::string text =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n";
  for (const std::string& line : names.hosts) text += line + "\n";
  return text + address + "\t" + hostname + "\n";
}

std::string joined(const std::string& keyword, const std::vector<std::string>& words) {
  std::string line = keyword;
  for (const std::string& word : words) line += " " + word;
  return line + "\n";
}

// The lines of `text` that begin with this keyword, or do not.
std::string lines_with(const std::string& text, const std::string& keyword, bool with = true) {
  std::string found;
  for (const std::string& line : lines_of(text)) {
    const bool is_one = line.starts_with(keyword + " ") || line.starts_with(keyword + "\t");
    if (is_one == with) found += line + "\n";
  }
  return found;
}

}  // namespace

std::string resolv_conf(const std::string& host, const NameOptions& names, const std::string& name_server) {
  std::string text = host;
  if (!names.search.empty()) {
    text = lines_with(lines_with(text, "search", false), "domain", false);
    if (names.search != std::vector<std::string>{"."}) text += joined("search", names.search);  // "." is none
  }
  if (!names.options.empty()) text = lines_with(text, "options", false) + joined("options", names.options);
  std::string servers = name_server.empty() ? "" : "nameserver " + name_server + "\n";
  for (const std::string& server : names.servers) servers += "nameserver " + server + "\n";
  return servers.empty() ? text : servers + lines_with(text, "nameserver", false);
}

void write_name_files(Context& context, const std::string& address, const NameOptions& names,
                      const std::string& name_server) {
  const std::string name = names.hostname.empty() ? context.id : names.hostname;
  const auto add = [&](const char* file, const std::string& text) {
    const std::string source = context.run_dir + "/" + file;
    kernel::create_file(source, text);
    context.files.push_back({source, std::string("/etc/") + file});
  };
  add("resolv.conf", resolv_conf(usable_resolv_conf(), names, name_server));
  add("hosts", hosts_file(address, name, names));
  add("hostname", name + "\n");
}

void add_host(const std::string& run_dir, const std::string& address, const std::string& hostname) {
  const kernel::Fd hosts = kernel::open(run_dir + "/hosts", O_WRONLY | O_APPEND | O_NOFOLLOW);
  kernel::write_all(hosts, address + "\t" + hostname + "\n");
}

}  // namespace coracle::parts
