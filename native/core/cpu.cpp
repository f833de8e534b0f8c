#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace he {

namespace {

struct Machine {
  bool avx2 = false, avx512 = false, ifma = false, neon = false;
  Machine() noexcept;
};

#if defined(__x86_64__)
/** State that the operating system saves on a switch (XCR0). Without it the registers must not be touched. */
u64 enabledState() noexcept {
  u32 low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<u64>(high) << 32 | low;
}

Machine::Machine() noexcept {
  u32 a, b, c, d;
  constexpr u32 fma = 1u << 12, osxsave = 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osxsave) || !(c & fma)) return;
  constexpr u64 ymm = 0x6, zmm = 0xe6;
  const u64 state = enabledState();
  if ((state & ymm) != ymm || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
  constexpr u32 avx2Bit = 1u << 5, bmi2 = 1u << 8;
  avx2 = (b & avx2Bit) && (b & bmi2);
  constexpr u32 f = 1u << 16, dq = 1u << 17, ifmaBit = 1u << 21, bw = 1u << 30, vl = 1u << 31;
  avx512 = avx2 && (state & zmm) == zmm && (b & f) && (b & dq) && (b & bw) && (b & vl);
  ifma = avx512 && (b & ifmaBit);
}
#elif defined(__aarch64__)
Machine::Machine() noexcept : neon(true) {}  // part of the architecture
#else
Machine::Machine() noexcept = default;
#endif

}  // namespace

bool machineHas(Path path) noexcept {
  static const Machine machine;
  switch (path) {
    case Path::automatic:
    case Path::scalar: return true;
    case Path::avx2: return machine.avx2;
    case Path::avx512: return machine.avx512;
    case Path::ifma: return machine.ifma;
    case Path::neon: return machine.neon;
  }
  return false;
}

}  // namespace he
