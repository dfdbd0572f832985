// Lesson 2: the program gets another root.
#include "lesson.hpp"
#include "parts/root.hpp"

using namespace coracle;

int main(int argc, char** argv) {
  Lesson lesson("02-chroot", "Run a program in another root file system");
  parts::RootOptions root;
  const std::map<std::string, parts::RootOptions::With> ways = {{"chroot", parts::RootOptions::With::chroot},
                                                                {"pivot_root", parts::RootOptions::With::pivot_root}};
  lesson.app.add_option("--with", root.with, "chroot or pivot_root (the default)")->transform(CLI::Transformer(ways));

  return lesson.run(argc, argv, [&](parts::Parts& parts) {
    root.rootfs = lesson.rootfs;
    parts.push_back(parts::make_root(root));
  });
}
