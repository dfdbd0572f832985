#include "support/bundle.hpp"

#include <filesystem>
#include <fstream>

#include "support/session.hpp"

namespace coracle::test {
namespace fs = std::filesystem;

namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::string coracle_oci() { return build("coracle-oci"); }

Bundle::Bundle(const std::vector<std::string>& arguments) {
  fs::create_directories(path());
  fs::copy(busybox_rootfs(), rootfs(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const Result written = run({coracle_oci(), "spec", "--bundle", path()});
  INFO(written.err);
  REQUIRE(written.status == 0);
  config = nlohmann::json::parse(read(path() + "/config.json"));
  config["process"]["terminal"] = false;
  config["process"]["args"] = arguments;
  config["root"]["readonly"] = false;
}

Bundle::~Bundle() {
  const Result ids = run({coracle_oci(), "--root", state(), "list", "-q"});
  std::istringstream lines(ids.out);
  for (std::string id; std::getline(lines, id);) run({coracle_oci(), "--root", state(), "delete", "--force", id});
}

void Bundle::write() const { std::ofstream(path() + "/config.json") << config.dump(1); }

void Bundle::write(const std::string& text) const {
  std::ofstream(path() + "/config.json") << text;
  written_ = true;
}

std::vector<std::string> Bundle::command(const std::vector<std::string>& words) const {
  if (!written_) write();
  if (!words.empty() && (words[0] == "create" || words[0] == "run")) watch_group(words.back());
  std::vector<std::string> all = {coracle_oci(), "--root", state()};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Result Bundle::oci(const std::vector<std::string>& words) const { return run(command(words)); }

Result Bundle::quiet(const std::vector<std::string>& words) const {
  std::vector<std::string> all = {"sh", "-c", "exec \"$@\" </dev/null >>\"$0/out\" 2>\"$0/err\"", scratch()};
  const std::vector<std::string> ours = command(words);
  all.insert(all.end(), ours.begin(), ours.end());
  Result result = run(all);
  result.err = read(scratch() + "/err");
  return result;
}

std::string Bundle::printed() const { return read(scratch() + "/out"); }

void Bundle::create(const std::string& id) const {
  const Result created = quiet({"create", "--bundle", path(), id});
  INFO(created.err);
  REQUIRE(created.status == 0);
}

void Bundle::start(const std::string& id) const {
  create(id);
  const Result started = oci({"start", id});
  INFO(started.err);
  REQUIRE(started.status == 0);
}

nlohmann::json Bundle::state_of(const std::string& id) const {
  const Result result = oci({"state", id});
  INFO(result.err);
  REQUIRE(result.status == 0);
  return nlohmann::json::parse(result.out);
}

bool Bundle::reaches(const std::string& id, const std::string& status) const {
  return eventually([&] { return status_of(id) == status; });
}

}  // namespace coracle::test
