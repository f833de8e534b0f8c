/** What the tests of native/core share: checks that count, primes, values at the edges. */
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include "../core/number-theory.h"

namespace he::test {

using u64 = std::uint64_t;
__extension__ typedef unsigned __int128 u128;

inline int failures = 0, checks = 0;

inline void check(bool holds, const std::string& what) {
  checks++;
  if (holds) return;
  if (++failures <= 50) std::fprintf(stderr, "FAILED: %s\n", what.c_str());
}

template <class Exception, class Body>
void checkThrows(Body&& body, const std::string& what) {
  try {
    body();
  } catch (const Exception&) {
    check(true, what);
    return;
  } catch (...) {
    check(false, what + ": another exception");
    return;
  }
  check(false, what + ": no exception");
}

inline int report(const char* name) {
  std::printf("%s: %d checks, %d failed\n", name, checks, failures);
  return failures == 0 ? 0 : 1;
}

/** xorshift64*: the same values on every machine. */
class Random {
 public:
  explicit Random(u64 seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  u64 next() {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du;
  }
  u64 below(u64 bound) { return static_cast<u64>((static_cast<u128>(next()) * bound) >> 64); }

 private:
  u64 state_;
};

/** The `skip`-th largest prime = 1 mod 2N below 2^bits. */
inline u64 primeBelow(unsigned bits, std::size_t degree, int skip = 0) {
  const u64 step = 2 * static_cast<u64>(degree);
  for (u64 candidate = (((u64{1} << bits) - 2) / step) * step + 1;; candidate -= step)
    if (isPrime(candidate) && skip-- == 0) return candidate;
}

/** n words, 64-byte aligned. */
class Words {
 public:
  explicit Words(std::size_t n) : data_(static_cast<u64*>(::operator new(n * 8, std::align_val_t{64}))), size_(n) {
    for (std::size_t i = 0; i < n; i++) data_[i] = 0;
  }
  Words(Words&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Words(const Words& other) : Words(other.size_) {
    for (std::size_t i = 0; i < size_; i++) data_[i] = other.data_[i];
  }
  Words& operator=(Words other) noexcept {
    std::swap(data_, other.data_), std::swap(size_, other.size_);
    return *this;
  }
  ~Words() { ::operator delete(data_, std::align_val_t{64}); }
  u64* data() { return data_; }
  const u64* data() const { return data_; }
  std::size_t size() const { return size_; }
  u64& operator[](std::size_t i) { return data_[i]; }
  u64 operator[](std::size_t i) const { return data_[i]; }
  bool operator==(const Words& other) const {
    for (std::size_t i = 0; i < size_; i++)
      if (data_[i] != other.data_[i]) return false;
    return true;
  }

 private:
  u64* data_;
  std::size_t size_;
};

enum class Pattern { random, zero, largest, alternating, single, edges };
inline constexpr Pattern patterns[] = {Pattern::random, Pattern::zero, Pattern::largest, Pattern::alternating, Pattern::single, Pattern::edges};

/** Values in [0, bound). */
inline Words values(Pattern pattern, std::size_t n, u64 bound, Random& random) {
  Words result(n);
  const u64 edges[] = {0, 1, bound / 2, bound / 2 + 1, bound - 2, bound - 1};
  for (std::size_t i = 0; i < n; i++) switch (pattern) {
      case Pattern::random: result[i] = random.below(bound); break;
      case Pattern::zero: result[i] = 0; break;
      case Pattern::largest: result[i] = bound - 1; break;
      case Pattern::alternating: result[i] = (i & 1) ? bound - 1 : 0; break;
      case Pattern::single: result[i] = i == n / 3 ? bound - 1 : 0; break;
      case Pattern::edges: result[i] = edges[random.below(6)]; break;
    }
  return result;
}

}  // namespace he::test
