#include "engine/chance_name.hpp"

#include <array>
#include <cstdint>

#include <sys/random.h>

#include "kernel/recorder.hpp"

namespace coracle::engine {
namespace {

constexpr std::array kAdjectives = {
    "able",    "agile",   "amber",  "ample",   "astute",   "blithe",   "bold",    "brave",  "bright",  "brisk",
    "buoyant", "calm",    "candid", "careful", "cheery",   "clever",   "cosy",    "crisp",  "curious", "daring",
    "eager",   "earnest", "easy",   "exact",   "fair",     "fearless", "fine",    "fleet",  "fond",    "frank",
    "fresh",   "gentle",  "glad",   "golden",  "graceful", "happy",    "hardy",   "honest", "jolly",   "keen",
    "kind",    "lively",  "loyal",  "lucid",   "mellow",   "merry",    "mindful", "modest", "neat",    "nimble",
    "noble",   "patient", "plucky", "polite",  "proud",    "prudent",  "quick",   "quiet",  "ready",   "sage",
    "serene",  "sharp",   "silver", "sincere", "snug",     "sober",    "sound",   "spry",   "steady",  "stoic",
    "stout",   "sturdy",  "sunny",  "sure",    "swift",    "tidy",     "trusty",  "upbeat", "warm",    "wise"};

constexpr std::array kPeople = {
    "allen",    "amundsen",  "anning",    "archimedes", "aristotle", "babbage",  "backus",   "bartik",    "beaufort",
    "bell",     "bernoulli", "blackwell", "boole",      "bose",      "bowditch", "brahe",    "brunel",    "cerf",
    "clarke",   "codd",      "cook",      "curie",      "darwin",    "dijkstra", "earhart",  "engelbart", "erdos",
    "euclid",   "euler",     "fermat",    "feynman",    "franklin",  "froude",   "galileo",  "gauss",     "germain",
    "goldberg", "halley",    "hamilton",  "harrison",   "heyerdahl", "hopper",   "huygens",  "hypatia",   "johnson",
    "kay",      "keller",    "kepler",    "khwarizmi",  "knuth",     "lamport",  "liskov",   "lovelace",  "magellan",
    "maxwell",  "mccarthy",  "mercator",  "moore",      "nansen",    "newton",   "noether",  "pascal",    "perlman",
    "ptolemy",  "ritchie",   "shannon",   "slocum",     "stokes",    "tesla",    "thompson", "torvalds",  "turing",
    "vaughan",  "wilkes",    "wing",      "wirth",      "wozniak",   "wright",   "yonath",   "zheng"};

}  // namespace

std::string chance_name() {
  std::array<std::uint32_t, 2> chance{};
  kernel::attempt([&] { return getrandom(chance.data(), sizeof chance, 0); }, "getrandom");
  return std::string(kAdjectives[chance[0] % kAdjectives.size()]) + "_" + kPeople[chance[1] % kPeople.size()];
}

}  // namespace coracle::engine
