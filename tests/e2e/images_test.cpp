// The commands that name, show and remove images, from outside.
#include <sstream>

#include <nlohmann/json.hpp>

#include "e2e/home.hpp"
#include "kernel/inode.hpp"
#include "support/archive.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class ImagesHome : public BusyboxHome {
 public:
  // Words of one command each; the last one gives what is printed.
  Result good(const Words& words) const {
    Result result = run(words);
    INFO(result.err);
    REQUIRE(result.status == 0);
    return result;
  }
  std::string id(const std::string& name = "busybox") const {
    return good({"inspect", "--format", "{{.Id}}", name}).out.substr(0, 71);
  }
  std::string layer() const { return good({"inspect", "-f", "{{.RootFS.Layers}}", "busybox"}).out.substr(1, 71); }

  // Every name and what it stands for, a line each: the columns but those that tell time and size.
  std::string names() const {
    std::istringstream table(run({"images", "--no-trunc"}).out);
    std::string lines;
    for (std::string line; std::getline(table, line);) {
      const std::size_t id = line.find("sha256:");
      if (id != std::string::npos) lines += line.substr(0, id + 71) + "\n";
    }
    return lines;
  }

  // Refused with docker's status, and nothing is changed.
  void refused(const Words& words, const std::string& expected) const {
    const std::string before = names();
    const Result result = run(words);
    INFO(result.err);
    CHECK(result.status == 1);
    CHECK(result.out.empty());
    CHECK(contains(result.err, expected));
    CHECK(names() == before);
  }

  bool is_empty() const {
    bool empty = run({"images", "-q"}).out.empty();
    for (const char* folder : {"/layers/sha256", "/blobs/sha256", "/tmp"}) {
      empty = empty && kernel::list(kernel::open(path() + folder, O_RDONLY | O_DIRECTORY)).empty();
    }
    return empty;
  }
};

// A container of busybox that runs until the test is done.
class Busy {
 public:
  explicit Busy(const Home& home)
      : running_(home.command(
            {"run", "--rm", "-i", "--net", "none", "--name", "busy", "busybox", "sh", "-c", "echo up; cat"})) {
    running_.read_until("up");
  }
  ~Busy() {
    running_.close_input();
    running_.wait();
  }

 private:
  Running running_;
};

}  // namespace

TEST_CASE("an image goes with its last name, and its layers with it") {
  const ImagesHome home;
  const std::string id = home.id();
  const std::string layer = home.layer();
  home.good({"tag", "busybox", "team/box:1"});
  home.good({"image", "tag", id.substr(7, 8), "other"});
  CHECK(home.good({"rmi", "busybox"}).out == "Untagged: busybox:latest\n");
  CHECK(home.good({"image", "rm", "team/box:1"}).out == "Untagged: team/box:1\n");
  CHECK(home.good({"run", "--rm", "--net", "none", "other", "echo", "here"}).out == "here\n");
  CHECK(home.good({"rmi", "other"}).out == "Untagged: other:latest\nDeleted: " + id + "\nDeleted: " + layer + "\n");
  CHECK(home.is_empty());
  home.refused({"rmi", "other"}, "there is no such image here");
}

TEST_CASE("an image that has several names is removed by its id only with force") {
  const ImagesHome home;
  const std::string id = home.id();
  home.good({"tag", "busybox", "a:1"});
  home.refused({"rmi", id}, "must be forced): image is referenced in multiple repositories");
  CHECK(contains(home.good({"rmi", "-f", id.substr(7, 6)}).out,
                 "Untagged: a:1\nUntagged: busybox:latest\nDeleted: " + id));
  CHECK(home.is_empty());
}

TEST_CASE("an image that a container uses stays, and force takes its name alone") {
  const ImagesHome home;
  const std::string id = home.id();
  {
    const Busy container(home);
    home.refused({"rmi", "busybox"},
                 "unable to remove repository reference \"busybox:latest\" (must force): container ");
    home.refused({"rmi", id}, "(cannot be forced): image is being used by running container ");
    home.refused({"rmi", "-f", id}, "(cannot be forced)");
    CHECK(home.good({"rmi", "-f", "busybox"}).out == "Untagged: busybox:latest\n");
    CHECK(home.good({"image", "prune", "-af"}).out == "Total reclaimed space: 0B\n");
    CHECK(home.good({"exec", "busy", "echo", "alive"}).out == "alive\n");
    CHECK(contains(home.good({"images"}).out, "<none>       <none>    " + id.substr(7, 12)));
  }
  CHECK(contains(home.good({"image", "prune", "-f"}).out, "Deleted Images:\ndeleted: " + id + "\ndeleted: sha256:"));
  CHECK(home.is_empty());
}

TEST_CASE("layers that another image has stay when an image is removed") {
  const ImagesHome home;
  const TemporaryDirectory files;
  write_file(files.path() + "/top.tar", Tar().file("x", "x").bytes());
  home.good({"import", busybox_layer(), files.path() + "/top.tar", "two"});
  const std::string removed = home.good({"rmi", "two"}).out;
  CHECK(contains(removed, "Deleted: sha256:" + test::sha256(Tar().file("x", "x").bytes())));
  CHECK_FALSE(contains(removed, home.layer()));
  CHECK(home.good({"run", "--rm", "--net", "none", "busybox", "echo", "here"}).out == "here\n");
}

TEST_CASE("one of several images that is not there does not keep the others") {
  const ImagesHome home;
  const Result result = home.run({"rmi", "nothing", "busybox"});
  CHECK(result.status == 1);
  CHECK(contains(result.err, "find the image nothing"));
  CHECK(contains(result.out, "Untagged: busybox:latest\nDeleted: "));
  CHECK(home.is_empty());
}

TEST_CASE("force is content when an image is not there, and removes one that is damaged") {
  const ImagesHome home;
  const Result none = home.run({"rmi", "-f", "nothing"});
  CHECK(none.status == 0);
  CHECK(contains(none.err, "there is no image nothing here"));
  write_file(home.path() + "/blobs/sha256/" + home.id().substr(7), "damaged");
  CHECK(home.run({"run", "--rm", "--net", "none", "busybox", "true"}).status == 125);
  home.good({"rmi", "-f", "busybox"});
  CHECK(home.is_empty());
}

TEST_CASE("prune asks first, and takes only what has no name") {
  const ImagesHome home;
  const std::string old = home.id();
  home.good({"import", "-c", "ENV new=1", busybox_layer(), "busybox"});
  const std::string question =
      "WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] ";
  CHECK(home.run({"image", "prune"}, "n\n").out == question + "Total reclaimed space: 0B\n");
  CHECK(home.run({"image", "prune"}, "").out == question + "Total reclaimed space: 0B\n");
  CHECK(home.good({"images", "-q", "--filter", "dangling=true"}).out == old.substr(7, 12) + "\n");
  // Its layer is the other one's as well.
  CHECK(home.run({"image", "prune"}, "y\n").out ==
        question + "Deleted Images:\ndeleted: " + old + "\n\nTotal reclaimed space: 0B\n");
  CHECK(home.good({"images", "-q", "-f", "dangling=true"}).out.empty());
  CHECK(contains(home.good({"image", "prune", "--all", "--force"}).out, "untagged: busybox:latest\ndeleted: sha256:"));
  CHECK(home.is_empty());
}

TEST_CASE("tag refuses what is no name, and moves a name that is taken") {
  const ImagesHome home;
  home.refused({"tag", "busybox", "UPPER"}, "a repository must be in lower case");
  home.refused({"tag", "nothing", "a"}, "there is no such image here");
  home.refused({"tag", "busybox", "a@sha256:" + std::string(64, '0')}, "a name with a digest cannot be given");
  CHECK(home.run({"tag", "busybox"}).status == 125);
  const std::string first = home.id();
  home.good({"import", "-c", "ENV new=1", busybox_layer(), "new"});
  home.good({"tag", "new", "busybox"});
  CHECK(home.id() == home.id("new"));
  CHECK(contains(home.good({"images"}).out, "<none>       <none>    " + first.substr(7, 12)));
}

TEST_CASE("images shows those that a name or a filter lets through") {
  const ImagesHome home;
  home.good({"tag", "busybox", "team/box:1"});
  home.good({"tag", "busybox", "team/box:2"});
  const auto shown = [&](const Words& words) {
    Words all = {"images", "-q"};
    all.insert(all.end(), words.begin(), words.end());
    const std::string out = home.good(all).out;
    return std::count(out.begin(), out.end(), '\n');
  };
  CHECK(shown({}) == 3);
  CHECK(shown({"busybox"}) == 1);
  CHECK(shown({"team/box"}) == 2);
  CHECK(shown({"team/box:2"}) == 1);
  CHECK(shown({"--filter", "reference=team/*:1"}) == 1);
  CHECK(shown({"--filter", "reference=*"}) == 1);  // a * does not go over a /
  CHECK(shown({"none"}) == 0);
  CHECK(shown({"-a", "--filter", "dangling=false"}) == 3);
  CHECK(home.run({"images", "--filter", "what=1"}).status == 125);
  CHECK(contains(home.good({"image", "ls", "--digests"}).out, "REPOSITORY   TAG       DIGEST    IMAGE ID "));
}

TEST_CASE("images are listed as --format says") {
  const ImagesHome home;
  home.good({"tag", "busybox", "team/box:1"});
  const std::string id = home.id();
  const auto shown = [&](Words words) {
    words.insert(words.begin(), "images");
    return home.good(words).out;
  };
  CHECK(shown({"--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "busybox"}) ==
        "busybox:latest " + id.substr(7, 12) + "\n");
  CHECK(shown({"--no-trunc", "--format", "{{.ID}}", "busybox"}) == id + "\n");
  CHECK(shown({"--format", "table {{.Tag}}\\t{{upper .Repository}}", "team/box"}) ==
        "TAG       REPOSITORY\n1         TEAM/BOX\n");
  const auto line = nlohmann::json::parse(shown({"--format", "json", "busybox"}));
  CHECK(line["Repository"] == "busybox");
  CHECK(line["Containers"] == "0");
  CHECK(home.run({"images", "--format", "{{.Nothing}}"}).status == 1);
  CHECK(contains(home.run({"images", "-q", "--format", "json"}).err, "Ignoring custom format"));
  home.good({"import", "-c", "LABEL kind=x", busybox_layer(), "labeled"});
  CHECK(shown({"-f", "label=kind", "--format", "{{.Repository}}"}) == "labeled\n");
  CHECK(shown({"-f", "label=kind=y", "--format", "{{.Repository}}"}).empty());
  CHECK(shown({"-f", "label!=kind", "--format", "{{.Repository}}"}) == "busybox\nteam/box\n");
  CHECK(shown({"-f", "until=2020-01-01"}) == shown({"none"}));
  CHECK(home.good({"history", "--format", "{{.ID}}", "busybox"}).out == home.good({"history", "-q", "busybox"}).out);
}

TEST_CASE("history tells the steps from the last to the first, with the layer of each") {
  const ImagesHome home;
  const TemporaryDirectory files;
  write_file(files.path() + "/top.tar", Tar().file("x", std::string(5000, 'x')).bytes());
  home.good({"import", busybox_layer(), files.path() + "/top.tar", "two"});
  const std::string table = home.good({"history", "two"}).out;
  CHECK(table.rfind("IMAGE          CREATED ", 0) == 0);
  CHECK(contains(table, "\n" + home.id("two").substr(7, 12) + "   "));
  CHECK(contains(table, "   5kB       Imported from " + files.path() + "/top.tar\n<missing>"));
  CHECK(home.good({"history", "-q", "two"}).out == home.id("two").substr(7, 12) + "\n<missing>\n");
  const std::string exact = home.good({"image", "history", "--no-trunc", "--human=false", "two"}).out;
  CHECK(contains(exact, home.id("two") + "   20"));
  CHECK(contains(exact, "5000      Imported from"));
  home.refused({"history", "nothing"}, "there is no such image here");
}

TEST_CASE("inspect has docker's fields, and --format picks from them") {
  const Home home;
  REQUIRE(home.run({"import", "-c", "CMD [\"sh\"]", "-c", "ENV A=\"b c\"", busybox_layer(), "box:1"}).status == 0);
  const Result result = home.run({"image", "inspect", "box:1"});
  const auto image = nlohmann::json::parse(result.out).at(0);
  CHECK(image["Id"].get<std::string>().size() == 71);
  CHECK(image["RepoTags"] == nlohmann::json::array({"box:1"}));
  CHECK(image["Config"]["Cmd"] == nlohmann::json::array({"sh"}));
  CHECK(image["Os"] == "linux");
  CHECK(image["RootFS"]["Layers"].size() == 1);
  for (const char* field :
       {"RepoDigests", "Parent", "Comment", "Created", "Author", "Architecture", "Size", "Metadata"})
    CHECK(image.contains(field));
  const auto format = [&](const char* text) { return home.run({"inspect", "--format", text, "box:1"}); };
  CHECK(format("{{.Os}}: {{json .Config.Env}} {{ .RepoTags }}!").out == "linux: [\"A=b c\"] [box:1]!\n");
  CHECK(contains(format("{{json .}}").out, "{\"Id\":\"sha256:"));
  CHECK(contains(format("json").out, "[{\"Id\":\"sha256:"));
  CHECK(format("{{range .Config.Env}}<{{.}}>{{end}}{{index .RepoTags 0}}").out == "<A=b c>box:1\n");
  for (const char* bad : {"{{.Nothing}}", "{{.Os.x}}"}) CHECK(format(bad).status == 1);
  for (const char* bad : {"{{", "{{range .}}", "{{}}"}) CHECK(format(bad).status == 64);  // docker's status for these
  const Result none = home.run({"inspect", "nothing"});
  CHECK(none.status == 1);
  CHECK(none.out == "[]\n");
}

TEST_CASE("system df counts what is used and what could go") {
  const ImagesHome home;
  CHECK(contains(home.good({"system", "df"}).out, "\nImages          1         0         3.0"));
  CHECK(contains(home.good({"system", "df"}).out, "(100%)\nContainers      0         0         0B        0B\n"));
  const Busy container(home);
  const std::string used = home.good({"system", "df"}).out;
  CHECK(contains(used, "\nImages          1         1         3.0"));
  CHECK(contains(used, "   0B (0%)\nContainers      1         1 "));
  const std::string all = home.good({"system", "df", "-v"}).out;
  CHECK(contains(all, "busybox      latest    "));
  CHECK(contains(all, "busy\n"));
}
