#include "number-theory.h"

#include <bit>

#include "modular.h"

namespace he {

namespace {

using modular::multiply;
using modular::power;
using modular::u64;

bool isWitness(u64 base, u64 n) noexcept {
  const int twos = std::countr_zero(n - 1);
  u64 x = power(base, (n - 1) >> twos, n);
  if (x == 1 || x == n - 1) return false;
  for (int i = 1; i < twos; i++) {
    x = multiply(x, x, n);
    if (x == n - 1) return false;
  }
  return true;
}

}  // namespace

bool isPrime(u64 n) noexcept {
  constexpr u64 bases[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
  if (n < 2) return false;
  for (const u64 p : bases)
    if (n % p == 0) return n == p;
  for (const u64 p : bases)
    if (isWitness(p, n)) return false;
  return true;
}

u64 smallestRoot(u64 q, std::size_t degree) noexcept {
  const u64 order = 2 * static_cast<u64>(degree);
  // x^((q-1)/2N) is primitive iff its N-th power is -1, which holds for every non-residue x.
  u64 root = 0;
  for (u64 x = 2; root == 0; x++) {
    const u64 candidate = power(x, (q - 1) / order, q);
    if (power(candidate, degree, q) == q - 1) root = candidate;
  }
  // The primitive roots are the odd powers.
  const u64 square = multiply(root, root, q);
  const u64 squareQuotient = modular::quotient(square, 64, q);
  u64 smallest = root;
  for (std::size_t i = 1; i < degree; i++) {
    root = root * square - modular::high(root, squareQuotient) * q;
    if (root >= q) root -= q;
    if (root < smallest) smallest = root;
  }
  return smallest;
}

}  // namespace he
