// Threads of the library: detached, deaf to signals (those belong to Node's main thread), and allowed to fail to start.
#ifndef EVENKEEL_RUNTIME_THREAD_H_
#define EVENKEEL_RUNTIME_THREAD_H_

namespace evenkeel {

// False where the system refuses another thread. std::thread would throw, and nothing here catches.
bool StartThread(const char* name, void (*body)(void*), void* argument);

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_THREAD_H_
