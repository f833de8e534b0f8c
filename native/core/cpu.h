/** Which vector instructions the processor and the operating system offer. */
#pragma once
#include "kernels.h"

namespace he {

bool machineHas(Path path) noexcept;

}  // namespace he
