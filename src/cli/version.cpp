// coracle version: the fields that docker version has. Client and server are one program here: there is no daemon.
#include <sys/utsname.h>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/format.hpp"
#include "image/config.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

Json described() {
  utsname kernel{};
  ::uname(&kernel);
  const std::string architecture = image::host_architecture();
  const Json client = {{"Version", kVersion}, {"Os", "linux"}, {"Arch", architecture}, {"Context", "default"}};
  Json server = {{"Platform", {{"Name", "coracle"}}}, {"Version", kVersion}, {"Os", "linux"}, {"Arch", architecture}};
  server["KernelVersion"] = kernel.release;
  server["Components"] = Json::array({{{"Name", "coracle"}, {"Version", kVersion}}});
  return {{"Client", client}, {"Server", server}};
}

}  // namespace

int version(const Door&, std::vector<std::string> words) {
  Options options("version", "[OPTIONS]", "Tell the version of coracle, and of the kernel that it runs on");
  std::string format;
  options.value('f', "format", "FORMAT", kInspectFormat, format);
  if (!options.read(words)) return 0;
  if (!words.empty()) throw kernel::Error("read the word " + words[0], 0, "see coracle version --help").with_status(1);
  if (format == "json") format = "{{json .}}";
  if (format.empty()) {
    format =
        "Client: coracle\n"
        " Version:           {{.Client.Version}}\n"
        " OS/Arch:           {{.Client.Os}}/{{.Client.Arch}}\n"
        "\n"
        "Server: coracle, which is the same program\n"
        " Engine:\n"
        "  Version:          {{.Server.Version}}\n"
        "  OS/Arch:          {{.Server.Os}}/{{.Server.Arch}}\n"
        "  Kernel Version:   {{.Server.KernelVersion}}";
  }
  fmt::print("{}\n", fill(format, described()));
  return 0;
}

}  // namespace coracle::cli
