/** The least that a test program needs: checks that report and count, so that one failure does not hide the next. */
#pragma once
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "../core/number-theory.h"
#include "../engine/context.h"

namespace he::test {

struct Report {
  int checks = 0;
  int failures = 0;

  void check(bool holds, const std::string& what) {
    checks++;
    if (holds) return;
    failures++;
    std::printf("FAILED: %s\n", what.c_str());
  }
  void near(double measured, double expected, double tolerance, const std::string& what) {
    const bool holds = measured >= expected - tolerance && measured <= expected + tolerance;
    check(holds, what + ": expected " + std::to_string(expected) + " within " + std::to_string(tolerance) + ", found " +
                     std::to_string(measured));
  }
  /** An action that must throw an `Error` whose message holds `part`. */
  template <class Error, class Action>
  void refuses(Action action, const std::string& part, const std::string& what) {
    try {
      action();
    } catch (const Error& error) {
      check(std::string(error.what()).find(part) != std::string::npos, what + ": says \"" + error.what() + "\"");
      return;
    }
    check(false, what + ": was accepted");
  }
  int finish() const {
    std::printf("%d checks, %d failed\n", checks, failures);
    return failures == 0 ? 0 : 1;
  }
};

inline std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/** The `count` largest primes = 1 mod 2N with `bits` bits that are not in `taken`, which they are added to. */
inline std::vector<u64> takePrimes(std::vector<u64>& taken, std::size_t degree, int bits, std::size_t count) {
  std::vector<u64> primes;
  for (u64 candidate = (u64{1} << bits) - 2 * degree + 1; primes.size() < count; candidate -= 2 * degree) {
    bool known = false;
    for (const u64 prime : taken) known = known || prime == candidate;
    if (known || !isPrime(candidate)) continue;
    primes.push_back(candidate);
    taken.push_back(candidate);
  }
  return primes;
}

/** One prime of `first` bits, `others` of `bits`, `special` of `specialBits`. Not checked for security. */
inline Parameters makeParameters(std::size_t degree, int first, std::size_t others, int bits, std::size_t special,
                                 int specialBits, std::size_t digits) {
  std::vector<u64> taken;
  Parameters parameters;
  parameters.degree = degree;
  parameters.dataPrimes = takePrimes(taken, degree, first, 1);
  for (const u64 prime : takePrimes(taken, degree, bits, others)) parameters.dataPrimes.push_back(prime);
  parameters.specialPrimes = takePrimes(taken, degree, specialBits, special);
  parameters.digits = digits;
  return parameters;
}

}  // namespace he::test
