// The door `coracle`: one file per command. A command reads its words into plain values, lets the engine act, and
// prints; it gives the exit status.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace coracle::cli {

constexpr const char* kVersion = "0.1.0";

// Our own failures have this exit status, so that they are told from the program's (docker-run(1), "EXIT STATUS").
constexpr int kFailure = 125;

// What `coracle` is told before the name of the command.
struct Door {
  engine::Roots roots;
};

// `words` are those behind the name of the command.
int run(const Door& door, std::vector<std::string> words);
int exec(const Door& door, std::vector<std::string> words);
int kill(const Door& door, std::vector<std::string> words);
int create(const Door& door, std::vector<std::string> words);
int start(const Door& door, std::vector<std::string> words);
int stop(const Door& door, std::vector<std::string> words);
int restart(const Door& door, std::vector<std::string> words);
int pause(const Door& door, std::vector<std::string> words);
int unpause(const Door& door, std::vector<std::string> words);
int wait(const Door& door, std::vector<std::string> words);
int rm(const Door& door, std::vector<std::string> words);
int rename(const Door& door, std::vector<std::string> words);
int update(const Door& door, std::vector<std::string> words);
int logs(const Door& door, std::vector<std::string> words);
int attach(const Door& door, std::vector<std::string> words);
int supervise(const Door& door, std::vector<std::string> words);
int system_restart(const Door& door, std::vector<std::string> words);
int images(const Door& door, std::vector<std::string> words);
int history(const Door& door, std::vector<std::string> words);
int inspect(const Door& door, std::vector<std::string> words);
int tag(const Door& door, std::vector<std::string> words);
int rmi(const Door& door, std::vector<std::string> words);
int image_prune(const Door& door, std::vector<std::string> words);
int events(const Door& door, std::vector<std::string> words);
int info(const Door& door, std::vector<std::string> words);
int version(const Door& door, std::vector<std::string> words);
int container_prune(const Door& door, std::vector<std::string> words);
int system_prune(const Door& door, std::vector<std::string> words);
int ps(const Door& door, std::vector<std::string> words);
int port(const Door& door, std::vector<std::string> words);
int stats(const Door& door, std::vector<std::string> words);
int top(const Door& door, std::vector<std::string> words);
int system_df(const Door& door, std::vector<std::string> words);
int network_create(const Door& door, std::vector<std::string> words);
int network_ls(const Door& door, std::vector<std::string> words);
int network_inspect(const Door& door, std::vector<std::string> words);
int network_connect(const Door& door, std::vector<std::string> words);
int network_disconnect(const Door& door, std::vector<std::string> words);
int network_rm(const Door& door, std::vector<std::string> words);
int network_prune(const Door& door, std::vector<std::string> words);
int volume_create(const Door& door, std::vector<std::string> words);
int volume_ls(const Door& door, std::vector<std::string> words);
int volume_inspect(const Door& door, std::vector<std::string> words);
int volume_rm(const Door& door, std::vector<std::string> words);
int volume_prune(const Door& door, std::vector<std::string> words);
int diff(const Door& door, std::vector<std::string> words);
int doctor(const Door& door, std::vector<std::string> words);

// Makes our stdin /dev/null, for a program that is not to have it.
void read_nothing();

// Lets `act` see each of the words, and tells of those for which it throws: the exit status is 1 then, as docker's.
int for_each(const std::vector<std::string>& words, const std::function<void(const std::string&)>& act);

// Asks "Are you sure" behind the warning, as docker does; only y or Y is a yes.
bool agrees(const std::string& warning);

// The same with the containers that they name, and prints the word of each where it went well.
int for_each_container(engine::Engine& engine, const std::vector<std::string>& words,
                       const std::function<void(const engine::Record&)>& act);

// "TERM", "SIGTERM", "15". Throws Error for what is no signal.
int read_signal(const std::string& text);

// Clears away what killed commands left behind, and tells what could not be.
void sweep(engine::Engine& engine);
void report_left_behind(const std::vector<std::string>& left_behind);

}  // namespace coracle::cli
