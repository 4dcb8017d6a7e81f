// Every kernel, in the order of lib/kernels/table.ts.
#include "native/kernels/kernel.h"

namespace evenkeel {

extern const KernelEntry kAdd;

const KernelEntry* const kKernelTable[] = {
    &kAdd,
};
const int kKernelCount = sizeof(kKernelTable) / sizeof(kKernelTable[0]);

}  // namespace evenkeel
