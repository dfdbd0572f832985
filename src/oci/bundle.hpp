// From a bundle to a container: what `create` and `run` have in common.
#pragma once

#include <string>

#include "oci/oci.hpp"

namespace coracle::oci {

struct CreateOptions {
  std::string bundle = ".";
  std::string console_socket;
  std::string pid_file;
  unsigned preserve_fds = 0;
  bool no_pivot = false;
  bool no_new_keyring = false;
};

// The number of --preserve-fds.
unsigned parse_descriptor_count(const std::string& text);

void add_create_options(Options& options, CreateOptions& create);

// Reads BUNDLE/config.json. `text` becomes what stood there.
Config read_bundle(const CreateOptions& options, std::string& text);

// Makes the container up to its gate and gives its process. `console_socket` is where the master of its terminal goes,
// or -1. When it fails, the poststop hooks are run and nothing is left.
pid_t make_container(const Container& container, Config& config, const std::string& text, const CreateOptions& options,
                     int console_socket);

// Opens the gate and runs the poststart hooks.
void start_container(const Container& container, const Config& config);

// Connects to --console-socket.
kernel::Fd open_console_socket(const std::string& path);

// Writes PID to the file of --pid-file, at once; nothing for "".
void write_pid_file(const std::string& path, pid_t pid);

// LISTEN_FDS of systemd's socket activation (sd_listen_fds(3)): passed on like --preserve-fds.
void pass_listen_fds(launch::Process& process);

}  // namespace coracle::oci
