#ifndef EVENKEEL_RUNTIME_PIN_H_
#define EVENKEEL_RUNTIME_PIN_H_

namespace evenkeel {

// Keeps this library in memory until the process ends. Node unloads an addon with the last worker that loaded it, and the
// pool's threads would run unmapped code. On Linux the linker's -z nodelete says the same already.
void PinLibrary();

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_PIN_H_
