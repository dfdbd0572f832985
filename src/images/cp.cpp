// coracle cp: files between the host and a container, with docker's rules for what goes where (docker-cp(1)).
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/options.hpp"
#include "engine/container_root.hpp"
#include "engine/copy.hpp"
#include "image/pack.hpp"
#include "image/staging.hpp"
#include "images/images.hpp"
#include "images/signals.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "kernel/mount.hpp"
#include "kernel/recorder.hpp"
#include "parts/unpack.hpp"

namespace coracle::images {
namespace {

using kernel::Error;
using kernel::Fd;

constexpr int kMostLinks = 40;

// A word of the command line: a path of the host, or CONTAINER:PATH. As docker: what begins with / or . is the host's.
struct Word {
  std::string container;  // "" is the host
  std::string path;
};

Word read_word(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (text.starts_with("/") || text.starts_with(".") || colon == std::string::npos) return {"", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// A place in a root, found without anybody being able to lead us out of it.
struct Place {
  const Fd& root;
  std::string path;  // absolute, as it was written: what stands at its end means something

  bool ends_in_slash() const { return path.ends_with("/"); }
  bool means_contents() const { return path.ends_with("/.") || path == "."; }
  std::string base() const {
    const std::string name = std::filesystem::path(path).lexically_normal().filename();
    return name.empty() && path != "/"
               ? std::filesystem::path(path).lexically_normal().parent_path().filename().string()
               : name;
  }
  Fd find(bool follow) const { return kernel::find_in_root(root, path, O_PATH | (follow ? 0 : O_NOFOLLOW)); }
};

bool is_directory(const Fd& fd) { return S_ISDIR(kernel::fstatat(fd, "").value().st_mode); }

// The path of the host from the working directory, as it was written at its end.
std::string on_host(const std::string& path) {
  return path.starts_with("/") ? path : std::filesystem::current_path().string() + "/" + path;
}

// What a container's path means: from its root.
std::string in_container(const std::string& path) { return path.starts_with("/") ? path : "/" + path; }

struct Source {
  Fd file;
  std::string name;  // that its copy has in a directory; "" where its contents alone are meant
};

Source find_source(const Place& place, bool follow) {
  Fd file = place.find(follow || place.ends_in_slash() || place.means_contents());
  if (!file) throw Error("lstat " + place.path, ENOENT);
  if ((place.ends_in_slash() || place.means_contents()) && !is_directory(file))
    throw Error("copy " + place.path, ENOTDIR);
  return {std::move(file), place.means_contents() ? "" : place.base()};
}

struct Target {
  Fd directory;
  std::string name;  // in it
};

std::string parent_of(const std::string& path) {
  std::string parent = path.substr(0, path.find_last_not_of('/') + 1);
  parent.erase(parent.rfind('/') + 1);
  return parent;
}

// The directory to copy to, and under which name. A file that a link leads to is replaced, and not the link.
Target find_target(Place place, const Source& source) {
  const bool directory = is_directory(source.file);
  for (int links = 0; links < kMostLinks; ++links) {
    Fd there = place.find(true);
    if (there && is_directory(there)) return {std::move(there), source.name};
    if (there && directory) throw Error("copy to " + place.path, ENOTDIR, "cannot copy a directory to a file");
    if (place.ends_in_slash() && !directory)
      throw Error("copy to " + place.path, there ? ENOTDIR : ENOENT, "the destination directory must exist");
    Fd parent = kernel::find_in_root(place.root, parent_of(place.path), O_PATH | O_DIRECTORY);
    if (!parent) throw Error("copy to " + place.path, ENOENT, "the directory that it is to be in must exist");
    const std::string name = place.base();
    const auto status = kernel::fstatat(parent, name);
    if (!status || !S_ISLNK(status->st_mode)) return {std::move(parent), name};
    const std::string text = kernel::readlinkat(parent, name);
    place.path = text.starts_with("/") ? text : parent_of(place.path) + text;
  }
  throw Error("copy to " + place.path, ELOOP);
}

struct Copy {
  bool archive = false, follow = false, quiet = false;

  engine::CopyOptions options(uid_t uid, gid_t gid, const Signals& signals) const {
    engine::CopyOptions options;
    if (!archive) options.owner = {uid, gid};
    options.go_on = [&signals] { signals.throw_when_asked_to_end("cp"); };
    return options;
  }
};

void write_tar(const Source& source, const Place& place, const Fd& out, const Signals& signals) {
  image::PackOptions options{.overlay = false};
  Fd tree;
  if (source.name.empty()) {
    tree = kernel::open(kernel::path_of(source.file), O_RDONLY | O_DIRECTORY);
  } else {
    tree = kernel::open_in_root(place.root, parent_of(place.path), O_RDONLY | O_DIRECTORY);
    options.only = source.name;
  }
  const parts::Bytes tar = image::pack(std::move(tree), std::move(options));
  std::vector<char> piece(256U << 10U);
  while (const std::size_t count = tar(piece.data(), piece.size())) {
    kernel::write_all(out, {piece.data(), count});
    signals.throw_when_asked_to_end("cp");
  }
}

void unpack_tar(const Place& place, const Signals& signals) {
  const Fd directory = place.find(true);
  if (!directory) throw Error("copy to " + place.path, ENOENT, "a tar is unpacked in a directory that is there");
  if (!is_directory(directory)) throw Error("copy to " + place.path, ENOTDIR, "a tar is unpacked in a directory");
  const auto bytes = [&](char* buffer, std::size_t size) {
    signals.throw_when_asked_to_end("cp");
    return static_cast<std::size_t>(
        kernel::attempt([&] { return ::read(STDIN_FILENO, buffer, size); }, "read the tar from stdin"));
  };
  parts::unpack(bytes, "the tar from stdin", kernel::path_of(directory), {.whiteouts = false});
}

// From the container to the host.
void copy_out(const engine::ContainerRoot& container, const Fd& host, const Word& from, const Word& to,
              const Copy& copy, const Signals& signals) {
  const Place source_place{container.fd(), in_container(from.path)};
  const Source source = find_source(source_place, copy.follow);
  if (to.path == "-") return write_tar(source, source_place, Fd(dup(STDOUT_FILENO)), signals);
  const Target target = find_target({host, on_host(to.path)}, source);
  engine::CopyOptions options = copy.options(getuid(), getgid(), signals);
  const std::string top = source_place.path.substr(0, source_place.path.find_last_not_of("/.") + 1);
  options.crosses = [&](const std::string& path) { return container.has_volume(top + "/" + path); };
  engine::copy_files(source.file, target.directory, target.name, options);
}

void copy_in(const engine::ContainerRoot& container, const std::optional<Source>& source, const Word& to,
             const Copy& copy, const Signals& signals) {
  const Place place{container.fd(), in_container(to.path)};
  if (!source) return unpack_tar(place, signals);
  const Target target = find_target(place, *source);
  engine::copy_files(source->file, target.directory, target.name, copy.options(0, 0, signals));
}

void check(const Word& from, const Word& to) {
  if (!from.container.empty() && !to.container.empty())
    throw Error("copy from container to container", 0, "copying between containers is not supported");
  if (from.container.empty() && to.container.empty())
    throw Error("copy " + from.path, 0, "must specify at least one container source");
  if (from.path.empty()) throw Error("copy", 0, "source can not be empty");
  if (to.path.empty()) throw Error("copy", 0, "destination can not be empty");
  if (to.path == "-" && isatty(STDOUT_FILENO) == 1)
    throw Error("write a tar to a terminal", 0, "send it on with | or >");
}

}  // namespace

int cp(const cli::Door& door, std::vector<std::string> words) {
  cli::Options options(
      "cp", "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n       coracle cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
      "Copy files out of a container or into one, running or not. - is a tar: to stdout, or from stdin.");
  Copy copy;
  options.flag('a', "archive", "Keep the owners of files; else what is copied is root's in there, and yours out here",
               copy.archive);
  options.flag('L', "follow-link", "Copy what the link SRC_PATH leads to", copy.follow);
  options.flag('q', "quiet", "Accepted as docker has it: nothing is printed", copy.quiet);
  if (!options.read(words)) return 0;
  if (words.size() != 2)
    throw Error("read the command line", 0, "a source and a destination are needed; see coracle cp --help");
  const Word from = read_word(words[0]);
  const Word to = read_word(words[1]);
  return cli::for_each({words[0]}, [&](const std::string&) {
    check(from, to);
    const Signals signals;
    engine::Engine engine(door.roots, true);
    const Fd host = kernel::open("/", O_PATH | O_DIRECTORY);
    std::optional<Source> source;
    if (from.container.empty() && from.path != "-") source = find_source({host, on_host(from.path)}, copy.follow);
    engine.store.staged([&](const image::Staging& staging) {
      const engine::ContainerRoot container(engine, from.container.empty() ? to.container : from.container,
                                            staging.path());
      from.container.empty() ? copy_in(container, source, to, copy, signals)
                             : copy_out(container, host, from, to, copy, signals);
    });
  });
}

}  // namespace coracle::images
