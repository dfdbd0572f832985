// Lesson 1: start a program, wait for it, pass on its signals and its exit status. No container yet: no parts.
#include "lesson.hpp"

int main(int argc, char** argv) {
  coracle::Lesson lesson("01-process", "Start a program, wait for it, pass on its signals and its exit status", "");
  return lesson.run(argc, argv, [](coracle::parts::Parts&) {});
}
