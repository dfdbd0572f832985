// Threads that take no signals: those are for the thread that waits for them; pthread_sigmask(3).
#pragma once

#include <functional>
#include <thread>

namespace coracle::kernel {

// Throws Error when there is none to be had (EAGAIN).
std::thread start_thread(std::function<void()> work);

}  // namespace coracle::kernel
