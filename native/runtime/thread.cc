#include "native/runtime/thread.h"

#include <new>

#if defined(_WIN32)
#define NOMINMAX
#include <process.h>
#include <windows.h>
#else
#include <pthread.h>
#include <signal.h>
#endif

namespace evenkeel {
namespace {

struct Start {
  const char* name;
  void (*body)(void*);
  void* argument;
};

// musl gives a thread 128 KiB by default; kernels keep their tiles on the stack.
constexpr unsigned kStackBytes = 1u << 20;

void RunStart(void* pointer) {
  const Start start = *static_cast<Start*>(pointer);
  delete static_cast<Start*>(pointer);
#if defined(__linux__)
  pthread_setname_np(pthread_self(), start.name);
#elif defined(__APPLE__)
  pthread_setname_np(start.name);
#endif
  start.body(start.argument);
}

#if defined(_WIN32)
unsigned __stdcall Entry(void* pointer) {
  RunStart(pointer);
  return 0;
}

bool Create(Start* start) {
  const uintptr_t handle = _beginthreadex(nullptr, kStackBytes, Entry, start, 0, nullptr);
  if (handle == 0) return false;
  CloseHandle(reinterpret_cast<HANDLE>(handle));
  return true;
}
#else
void* Entry(void* pointer) {
  RunStart(pointer);
  return nullptr;
}

bool Create(Start* start) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // The new thread inherits the mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, Entry, start) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return started;
}
#endif

}  // namespace

bool StartThread(const char* name, void (*body)(void*), void* argument) {
  Start* start = new (std::nothrow) Start{name, body, argument};
  if (!start) return false;
  if (Create(start)) return true;
  delete start;
  return false;
}

}  // namespace evenkeel
