// COPY, ADD and WORKDIR: files that the build itself puts into the image.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "build/builder.hpp"
#include "build/settings.hpp"
#include "image/digest.hpp"
#include "kernel/error.hpp"
#include "kernel/inode.hpp"
#include "launch/user.hpp"

namespace coracle::build {

// What one COPY is about, its variables replaced.
struct Copy {
  std::vector<std::string> sources;
  std::vector<Match> matches;  // what these stand for
  std::vector<Heredoc> documents;
  std::string from, chown;
  CopyOptions options;
};

namespace {

using kernel::Error;
using kernel::Fd;
using Words = std::vector<std::string>;

bool is_url(const std::string& word) {
  return word.starts_with("http://") || word.starts_with("https://") || word.starts_with("git@") ||
         word.starts_with("git://") || word.starts_with("ssh://");
}

mode_t parse_mode(const std::string& text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > 07777)
    throw Error("read --chmod=" + text, 0, "it is a number in octal: 755");
  return mode;
}

// A UID without a group is the GID too; a user's name brings the group of the image's /etc/passwd.
parts::User find_owner(const std::string& chown, const std::string& root) {
  const bool number_alone = chown.find_first_not_of("0123456789") == std::string::npos;
  const Fd directory = kernel::open(root, O_PATH | O_DIRECTORY);
  return launch::find_user(number_alone ? chown + ":" + chown : chown, &directory);
}

std::string absolute(const std::string& path, const std::string& working_dir) {
  return path.starts_with('/') ? path : working_dir + "/" + path;
}

bool names_directory(const std::string& path) {
  return path.ends_with('/') || path == "." || path.ends_with("/.") || path == ".." || path.ends_with("/..");
}

// The here-documents come in the order in which <<NAME stands among the sources.
void take_documents(Copy& copy, const Instruction& instruction, const image::Variables& variables) {
  std::size_t next = 0;
  std::erase_if(copy.sources, [&](const std::string& word) {
    if (!word.starts_with("<<") || next == instruction.heredocs.size()) return false;
    Heredoc document = instruction.heredocs[next++];
    if (document.expand) document.content = image::expand_lines(document.content, variables);
    copy.documents.push_back(std::move(document));
    return true;
  });
}

Copy read_copy(const Instruction& instruction, const image::Variables& variables, const std::string& working_dir) {
  const bool add = instruction.name == "ADD";
  check_flags(instruction, add ? Words{"chown", "chmod", "link"} : Words{"from", "chown", "chmod", "link"});
  Copy copy;
  Words words;
  if (json_form(instruction.text, words)) {
    for (std::string& word : words) word = image::one_word(word, variables);
  } else {
    words = image::split_words(instruction.text, variables);
  }
  if (words.size() < 2)
    throw Error("read " + instruction.name, 0, "write " + instruction.name + " SOURCE... DESTINATION");
  const std::string destination = words.back();
  words.pop_back();
  copy.sources = std::move(words);
  take_documents(copy, instruction, variables);
  copy.from = flag(instruction, "from");
  copy.chown = image::one_word(flag(instruction, "chown"), variables);
  const std::string mode = image::one_word(flag(instruction, "chmod"), variables);
  if (!mode.empty()) copy.options.mode = parse_mode(mode);
  copy.options.destination = absolute(destination, working_dir);
  copy.options.into_directory = names_directory(destination);
  copy.options.unpack = add;
  if (copy.sources.size() + copy.documents.size() > 1 && !copy.options.into_directory)
    throw Error("copy several files", 0, "the destination must be a directory, with a / behind it");
  for (const std::string& source : copy.sources) {
    if (is_url(source))
      throw Error("fetch " + source, 0, "ADD reads local files alone; use RUN with a program that fetches");
  }
  return copy;
}

}  // namespace

// The context, or the files of a stage or an image.
const Origin& Builder::origin_of(const std::string& from) {
  std::unique_ptr<Origin>& origin = origins_[from];
  if (origin) return *origin;
  if (!from.empty()) {
    auto& overlay = mounted_[from];
    overlay = std::make_unique<engine::Overlay>(staging_.path(), layers_of(find_base(from, stage_)));
    origin = std::make_unique<Origin>(kernel::open(overlay->root(), O_RDONLY | O_DIRECTORY), true, request_.go_on);
  } else if (request_.context) {
    origin = std::make_unique<Origin>(kernel::openat(request_.context, ".", O_RDONLY | O_DIRECTORY), false,
                                      request_.go_on, request_.ignore);
  } else {
    throw Error("find the build context", 0, "there is none: the Dockerfile came alone, on stdin");
  }
  return *origin;
}

Builder::Work Builder::copy_work(const State& state, const Instruction& instruction) {
  const Words variables = variables_of(state);
  const auto copy =
      std::make_shared<Copy>(read_copy(instruction, {variables, dockerfile_.escape}, state.config.working_dir));
  Work work;
  if (!copy->from.empty()) {
    std::string layers;
    for (const std::string& diff_id : find_base(copy->from, stage_).config.diff_ids) layers += diff_id + "\n";
    work.origin = image::sha256(layers);
  }
  work.content = [this, copy] {
    find_sources(*copy);
    image::Sha256 content;
    if (!copy->sources.empty()) content.update(origin_of(copy->from).digest(copy->matches));
    for (const Heredoc& document : copy->documents) content.update(document.content + '\0');
    content.update(copy->options.destination + '\0' + copy->chown);
    return content.finish();
  };
  work.make = [this, copy](const engine::Overlay& overlay) {
    CopyOptions options = copy->options;
    if (!copy->chown.empty()) options.owner = find_owner(copy->chown, overlay.root());
    if (!copy->sources.empty()) build::copy(origin_of(copy->from), copy->matches, overlay.root(), options);
    for (const Heredoc& document : copy->documents)
      write_file(overlay.root(), document.name, document.content, options);
    return true;
  };
  return work;
}

void Builder::find_sources(Copy& copy) {
  copy.matches.clear();
  for (const std::string& source : copy.sources) {
    for (Match& match : origin_of(copy.from).find(source)) copy.matches.push_back(std::move(match));
  }
  if (copy.matches.size() > 1 && !copy.options.into_directory)
    throw Error("copy several files", 0, "the destination must be a directory, with a / behind it");
}

// A directory that is there already makes no layer.
Builder::Work Builder::directory_work(const State& state) {
  const std::string path = state.config.working_dir;
  return {.make = [path](const engine::Overlay& overlay) {
    const Fd root = kernel::open(overlay.root(), O_PATH | O_DIRECTORY);
    if (kernel::find_in_root(root, path, O_PATH | O_DIRECTORY)) return false;
    kernel::make_directories_in_root(root, path);
    return true;
  }};
}

}  // namespace coracle::build
