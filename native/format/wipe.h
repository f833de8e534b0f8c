/** Overwriting memory that held secrets or seeds, in a way that the compiler may not remove. */
#pragma once
#include <cstddef>
#include <cstring>

namespace he::format {

inline void wipe(void* memory, std::size_t bytes) noexcept {
  if (bytes == 0) return;
#if defined(__GNUC__)
  std::memset(memory, 0, bytes);
  // The memory is an input to this, so the stores before it are not dead.
  __asm__ __volatile__("" : : "r"(memory) : "memory");
#else
  volatile unsigned char* p = static_cast<volatile unsigned char*>(memory);
  for (std::size_t i = 0; i < bytes; i++) p[i] = 0;
#endif
}

}  // namespace he::format
