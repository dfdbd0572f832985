#include "cli/examples.hpp"

#include <algorithm>
#include <iterator>

namespace coracle::cli {
namespace {

struct Example {
  std::string_view command;
  const char* words;
};

constexpr Example kExamples[] = {
    {"attach", "attach --detach-keys ctrl-q web"},
    {"build", "build -t app:1 ."},
    {"commit", "commit -m \"with curl\" web web:2"},
    {"container prune", "container prune --filter until=24h"},
    {"cp", "cp web:/etc/hosts ."},
    {"create", "create --name web -p 8080:80 web"},
    {"diff", "diff web"},
    {"doctor", "doctor"},
    {"events", "events --since 10m --filter type=container"},
    {"exec", "exec -it web sh"},
    {"export", "export -o web.tar web"},
    {"history", "history --no-trunc web"},
    {"image prune", "image prune -a --filter until=24h"},
    {"images", "images --filter dangling=true"},
    {"import", "import rootfs.tar.gz box:1"},
    {"info", "info --format '{{.CgroupVersion}}'"},
    {"inspect", "inspect -f '{{.State.Status}}' web"},
    {"kill", "kill -s HUP web"},
    {"load", "load -i images.tar"},
    {"login", "login -u me registry.example"},
    {"logout", "logout registry.example"},
    {"logs", "logs -f --tail 100 web"},
    {"network connect", "network connect --alias db back web"},
    {"network create", "network create --subnet 10.9.0.0/24 back"},
    {"network disconnect", "network disconnect back web"},
    {"network inspect", "network inspect back"},
    {"network ls", "network ls --filter driver=bridge"},
    {"network prune", "network prune -f"},
    {"network rm", "network rm back"},
    {"pause", "pause web"},
    {"port", "port web 80/tcp"},
    {"ps", "ps -a --filter status=exited"},
    {"pull", "pull redis:7"},
    {"push", "push registry.example/app:1"},
    {"rename", "rename web old-web"},
    {"restart", "restart -t 5 web"},
    {"rm", "rm -f web"},
    {"rmi", "rmi app:1"},
    {"run", "run -d --name web -p 8080:80 web"},
    {"save", "save -o images.tar app:1"},
    {"start", "start -a web"},
    {"stats", "stats --no-stream"},
    {"stop", "stop -t 5 web"},
    {"system df", "system df -v"},
    {"system prune", "system prune -a"},
    {"system restart", "system restart"},
    {"tag", "tag app:1 registry.example/app:1"},
    {"top", "top web -o pid,args"},
    {"unpause", "unpause web"},
    {"update", "update --memory 512m web"},
    {"version", "version --format '{{.Server.Version}}'"},
    {"volume create", "volume create --label tier=back data"},
    {"volume inspect", "volume inspect data"},
    {"volume ls", "volume ls --filter dangling=true"},
    {"volume prune", "volume prune -a"},
    {"volume rm", "volume rm data"},
    {"wait", "wait web"},
};

}  // namespace

const char* example_of(std::string_view command) {
  const auto* found = std::find_if(std::begin(kExamples), std::end(kExamples),
                                   [&](const Example& example) { return example.command == command; });
  return found == std::end(kExamples) ? "" : found->words;
}

}  // namespace coracle::cli
