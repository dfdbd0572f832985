// Those who watch a detached container: `coracle attach`, over a unix socket in the container's own directory.
//
// To them goes what the program writes, in the frames of docker's attach protocol: a byte for the stream, three of 0,
// and the length in four bytes, big-endian. From them come frames of the same form, whose first byte is a letter:
// The last one to them is of the stream 'x': the exit status, in one byte.
//     i  what is typed       e  there will be no more of it       w  the window's size: rows and columns, 2 bytes each
#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "engine/log.hpp"
#include "kernel/fd.hpp"
#include "kernel/tty.hpp"

namespace coracle::engine {

constexpr const char* kAttachSocket = "attach";
constexpr std::size_t kFrameHead = 8;

std::string frame_head(char type, std::size_t size);
std::size_t frame_size(std::string_view head);

class Audience {
 public:
  struct Handlers {
    std::function<void(std::string_view)> typed;
    std::function<void()> typed_all;
    std::function<void(kernel::WindowSize)> resized;
  };

  // Listens on the socket in `directory`. `epoll` is told of whom to wait for; its events go to act().
  Audience(const std::string& directory, const kernel::Fd& epoll, Handlers handlers);
  ~Audience();
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;

  // One who is there from the beginning. When there is no more of what he types, the program's stdin ends; with those
  // who come later it does not (docker's StdinOnce).
  void seat(kernel::Fd connection);

  // Says to everybody what the program wrote. Who does not listen is waited for no longer when a mebibyte is on its way
  // to him: he is shown out, and finds it in the log.
  void tell(Stream stream, std::string_view bytes);

  // Whether to listen to what they type.
  void listen(bool on);

  // Whether the event was for somebody here.
  bool act(int fd, unsigned events);

  // The program has ended with this status: what is on its way is sent as far as they listen, for two seconds at most.
  void finish(int status);

 private:
  struct Guest {
    kernel::Fd fd;
    std::string coming, going;
    bool first = false;
    bool waits_for_room = false;
  };

  void add(kernel::Fd connection, bool first);
  void await(const Guest& guest, int operation) const;
  void send(Guest& guest);
  bool hear(Guest& guest);  // false: he has left
  void take_frames(Guest& guest);
  void show_out(std::list<Guest>::iterator guest);

  std::string path_;
  const kernel::Fd& epoll_;
  Handlers handlers_;
  kernel::Fd listener_;
  std::list<Guest> guests_;
  bool listens_ = true;
};

}  // namespace coracle::engine
