// coracle: containers from the command line. Every command is in this table, also those that coracle-images carries
// out.
#include "cli/commands.hpp"
#include "launch/report.hpp"

using namespace coracle;

namespace {

constexpr cli::Command kCommands[] = {
    {"run", "Run a program in a new container from an image", cli::run},
    {"create", "Make a container, to be started later", cli::create},
    {"start", "Run containers that were made, or have ended", cli::start},
    {"stop", "Ask containers to end, and end those that take too long", cli::stop},
    {"restart", "Stop containers where they run, and start them", cli::restart},
    {"exec", "Run one more program in a running container", cli::exec},
    {"kill", "Send a signal to running containers", cli::kill},
    {"pause", "Let all processes of containers stand still", cli::pause},
    {"unpause", "Let the processes of paused containers go on", cli::unpause},
    {"wait", "Wait until containers have ended, and print their exit statuses", cli::wait},
    {"logs", "Show what a detached container has written", cli::logs},
    {"attach", "Come back to a container that runs detached", cli::attach},
    {"rm", "Remove containers", cli::rm},
    {"rename", "Give a container another name", cli::rename},
    {"update", "Change the limits and the restart policy of containers", cli::update},
    {"diff", "List what a container changed", cli::diff},
    {"build", "Make an image as a Dockerfile says", nullptr},
    {"commit", "Make an image of what a container has become", nullptr},
    {"cp", "Copy files out of a container or into one", nullptr},
    {"export", "Write all files of a container as a tar", nullptr},
    {"images", "List the images", cli::images},
    {"history", "Tell how an image was made, layer by layer", cli::history},
    {"inspect", "Tell all about containers, images, networks and volumes, as JSON", cli::inspect},
    {"tag", "Give an image one more name", cli::tag},
    {"rmi", "Remove names, and with its last one the image", cli::rmi},
    {"image prune", "Remove the images without a name", cli::image_prune},
    {"events", "Tell what happens to containers, images, volumes and networks", cli::events},
    {"ps", "List the containers", cli::ps},
    {"port", "Tell where on the host the ports of a container are", cli::port},
    {"stats", "Show what running containers use, again and again", cli::stats},
    {"top", "Show the processes of a running container", cli::top},
    {"info", "Tell about this host and what is kept on it", cli::info},
    {"version", "Tell the version, of the kernel as well", cli::version},
    {"system restart", "Start the containers that their restart policies want to run", cli::system_restart},
    {"container prune", "Remove the containers that do not run", cli::container_prune},
    {"system prune", "Remove what nobody uses: containers, networks, images", cli::system_prune},
    {"system df", "Tell what images, containers and volumes take of the disk", cli::system_df},
    {"network create", "Make a network of its own for containers", cli::network_create},
    {"network connect", "Put a running container on one more network", cli::network_connect},
    {"network disconnect", "Take a container off a network", cli::network_disconnect},
    {"network ls", "List the networks", cli::network_ls},
    {"network inspect", "Tell all about networks, as JSON", cli::network_inspect},
    {"network rm", "Remove networks", cli::network_rm},
    {"network prune", "Remove the networks that no container is on", cli::network_prune},
    {"volume create", "Make a volume: a directory that outlives containers", cli::volume_create},
    {"volume ls", "List the volumes", cli::volume_ls},
    {"volume inspect", "Tell all about volumes, as JSON", cli::volume_inspect},
    {"volume rm", "Remove volumes, with what is in them", cli::volume_rm},
    {"volume prune", "Remove the volumes that no container uses", cli::volume_prune},
    {"import", "Make an image of tar archives, each of which becomes one layer", nullptr},
    {"pull", "Bring an image here from a registry", nullptr},
    {"push", "Send an image to a registry", nullptr},
    {"login", "Store the password of a registry", nullptr},
    {"logout", "Forget the password of a registry", nullptr},
    {"load", "Take in images from an archive or an OCI layout", nullptr},
    {"save", "Write images to an archive or an OCI layout", nullptr},
    {"supervise", "", cli::supervise},
    {"doctor", "Say what this host can do, and how to mend what it cannot", cli::doctor},
};

}  // namespace

int main(int argc, char** argv) {
  return launch::report_errors("coracle", [&] { return cli::act(kCommands, {argv + 1, argv + argc}); });
}
