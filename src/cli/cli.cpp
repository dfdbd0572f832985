#include "cli/cli.hpp"

#include <algorithm>
#include <cstdio>

#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

class Formatter : public CLI::Formatter {
 public:
  explicit Formatter(std::string usage) : usage_(std::move(usage)) { column_width(30); }
  std::string make_usage(const CLI::App*, std::string) const override { return "Usage: " + usage_ + "\n"; }

 private:
  std::string usage_;
};

}  // namespace

std::unique_ptr<CLI::App> command_line(const std::string& name, const std::string& usage, const std::string& what) {
  auto app = std::make_unique<CLI::App>(what, "coracle " + name);
  app->formatter(std::make_shared<Formatter>("coracle " + name + " " + usage));
  app->set_help_flag("--help", "This text");
  return app;
}

bool parse(CLI::App& app, std::vector<std::string> words) {
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    app.parse(std::move(words));
    return true;
  } catch (const CLI::Success&) {
    std::fputs(app.help().c_str(), stdout);
    return false;
  } catch (const CLI::ParseError& error) {
    throw kernel::Error("read the command line", 0, std::string(error.what()) + "; see " + app.get_name() + " --help");
  }
}

void sweep(engine::Engine& engine) { report_left_behind(engine.sweep()); }

void report_left_behind(const std::vector<std::string>& left_behind) {
  for (const std::string& left : left_behind) std::fprintf(stderr, "coracle: left behind: %s\n", left.c_str());
}

}  // namespace coracle::cli
