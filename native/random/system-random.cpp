#include "system-random.h"

#include <algorithm>
#include <cstdint>

#if defined(_WIN32)
#include <windows.h>
// After windows.h, which it needs.
#include <bcrypt.h>
#elif defined(__linux__)
#include <cerrno>
#include <sys/random.h>
#else
#include <sys/random.h>
#include <unistd.h>
#endif

namespace he::random {

void systemRandom(void* out, std::size_t bytes) {
  auto* at = static_cast<std::uint8_t*>(out);
  while (bytes > 0) {
#if defined(_WIN32)
    const std::size_t got = std::min<std::size_t>(bytes, std::size_t{1} << 20);
    if (BCryptGenRandom(nullptr, at, static_cast<ULONG>(got), BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0) throw NoRandomness();
#elif defined(__linux__)
    // Blocks until the kernel's generator has been seeded once; may return less than asked for when interrupted.
    const ssize_t result = getrandom(at, std::min<std::size_t>(bytes, std::size_t{1} << 20), 0);
    if (result < 0 && errno == EINTR) continue;
    if (result <= 0) throw NoRandomness();
    const std::size_t got = static_cast<std::size_t>(result);
#else
    // getentropy gives at most 256 bytes at once.
    const std::size_t got = std::min<std::size_t>(bytes, 256);
    if (getentropy(at, got) != 0) throw NoRandomness();
#endif
    at += got;
    bytes -= got;
  }
}

format::Seed freshSeed() {
  format::Seed seed;
  systemRandom(seed.words.data(), sizeof seed.words);
  return seed;
}

}  // namespace he::random
