// coracle-images: what `coracle` executes for the commands that move images.
#include "cli/commands.hpp"
#include "images/images.hpp"
#include "launch/report.hpp"

using namespace coracle;

namespace {

constexpr cli::Command kCommands[] = {
    {"build", "Make an image as a Dockerfile says", images::build},
    {"commit", "Make an image of what a container has become", images::commit},
    {"cp", "Copy files out of a container or into one", images::cp},
    {"export", "Write all files of a container as a tar", images::export_container},
    {"import", "Make an image of tar archives, each of which becomes one layer", images::import},
    {"pull", "Bring an image here from a registry", images::pull},
    {"push", "Send an image to a registry", images::push},
    {"login", "Store the password of a registry", images::login},
    {"logout", "Forget the password of a registry", images::logout},
    {"load", "Take in images from an archive or an OCI layout", images::load},
    {"save", "Write images to an archive or an OCI layout", images::save},
};

}  // namespace

int main(int argc, char** argv) {
  return launch::report_errors("coracle", [&] { return cli::act(kCommands, {argv + 1, argv + argc}); });
}
