// What a container costs beside the bare kernel calls and beside other programs that make containers.
#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "bundle.hpp"
#include "contestants.hpp"
#include "image/digest.hpp"
#include "kernel/error.hpp"
#include "kernel/fd.hpp"
#include "lesson.hpp"
#include "parts/unpack.hpp"
#include "report.hpp"
#include "workspace.hpp"

using namespace coracle;

namespace {

struct Options {
  std::string busybox;  // the layer archive of the image
  int runs = 100;
  int at_once = 0;
  std::string unpack;  // the archive to unpack
  std::string json;
  std::vector<std::string> unpack_once;  // ARCHIVE DIRECTORY: be the contestant "coracle" of the unpacking
};

// What an import does with a layer: unpacks it and takes the digest of the tar inside.
int unpack_once(const std::string& archive, const std::string& directory) {
  image::Sha256 digest;
  parts::unpack(archive, directory, {.uncompressed = [&](std::string_view bytes) { digest.update(bytes); }});
  std::printf("%s\n", digest.finish().c_str());
  return 0;
}

bench::Report measure(const Options& options) {
  const bench::Workspace workspace(options.busybox);
  const bench::Command program = {"true"};
  bench::Report report;
  const bench::Field field = bench::find_contestants(workspace, program);
  report.missing = field.missing;
  const int few = std::max(1, options.runs / 10);  // of what takes long, and to warm up
  report.starts = bench::race(field.contestants, options.runs, few);
  report.joins = bench::race(bench::Joined(workspace, program).contestants(), options.runs, few);
  report.doors = bench::race(bench::doors(workspace, program), options.runs, few);
  if (options.at_once > 0) {
    report.at_once = options.at_once;
    for (const bench::Contestant& contestant : bench::networked(workspace, program)) {
      const std::vector<double> rates = bench::race_at_once(contestant, options.at_once, few);
      report.rates.push_back({contestant.name, rates});
    }
  }
  if (!options.unpack.empty()) {
    const std::string directory = workspace.tmpfs.path + "/unpacked";
    report.unpacking = bench::race(bench::unpackers(workspace, options.unpack, directory), few, 1, [&] {
      kernel::remove_tree(directory);
      kernel::make_directories(directory);
    });
  }
  return report;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("What a container costs", "14-versus-vm");
  app.add_option("BUSYBOX", options.busybox, "The layer archive of the image (rootfs/busybox makes it)");
  app.add_option("--runs", options.runs, "Of each contestant")->check(CLI::PositiveNumber);
  app.add_option("--at-once", options.at_once, "Also start so many at once");
  app.add_option("--unpack", options.unpack, "Also unpack this archive");
  app.add_option("--json", options.json, "Write every sample to this file");
  app.add_option("--unpack-once", options.unpack_once)->expected(2)->group("");
  CLI11_PARSE(app, argc, argv);
  return report_errors("14-versus-vm", [&] {
    if (!options.unpack_once.empty()) return unpack_once(options.unpack_once[0], options.unpack_once[1]);
    if (options.busybox.empty()) throw kernel::Error("read the command line", 0, "name the layer archive of busybox");
    const bench::Report report = measure(options);
    std::fputs(bench::markdown(report).c_str(), stdout);
    if (!options.json.empty()) kernel::create_file(options.json, bench::json(report));
    return 0;
  });
}
