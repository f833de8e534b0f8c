/**
 * What a path is made of: functions over plain data, so that the files compiled for special instructions hold loops only and
 * emit no shared (weak) symbols that other files could be linked against.
 */
#pragma once
#include "kernels.h"

namespace he {

/** One table of powers of a root in bit-reversed order: N values and, for each, what the path multiplies with besides. */
struct Roots {
  const u64* value = nullptr;
  const u64* quotient = nullptr;
};

/** Everything of a field that kernels read. Pointers are 64-byte aligned and owned by the field. */
struct FieldData {
  u64 modulus = 0;
  std::size_t degree = 0;
  unsigned logDegree = 0;
  unsigned shift = 0;      // Shoup quotients are floor(w * 2^shift / q); Montgomery's radix is 2^shift
  u64 inverseOfWord = 0;   // q^-1 mod 2^64
  u64 barrett = 0;         // floor(2^64 / q)
  Constant radix{};        // 2^shift mod q
  Constant radixInverse{}; // 2^-shift mod q
  Roots forward, inverse;
  Constant inverseDegree{};      // 1/N
  Constant inverseDegreeRoot{};  // root of the last inverse layer over N
};

struct Automorphism {
  std::size_t degree;
  u64 element;
  // dst[8 v + k] = src[8 block[v] + lanes[pattern[v]][k]]: eight neighbours in bit-reversed order stay together.
  const u32* block;
  const std::uint8_t* pattern;
  const u64 (*lanes)[8];
};

/** What the tables of roots hold for a root w. */
enum class RootForm : std::uint8_t {
  shoup,       // w and floor(w * 2^shift / q)
  halved,      // w and floor(w * 2^(shift - 1) / q)
  montgomery,  // w' = w * 2^shift mod q and w' / q mod 2^shift
  floating,    // the bits of the doubles w and w / q, w in -q/2 ... q/2
};

/** Members as in `Field`, which documents them. */
struct KernelTable {
  using Sums = void (*)(const FieldData&, u64* dst0, u64* dst1, const u64* const* x, const u64* const* y0, const u64* const* y1,
                        std::size_t terms, bool add, std::size_t n);
  Path path;
  unsigned shift;
  RootForm forwardRoots, inverseRoots;
  bool montgomeryMultiplicands;  // else multiplicands are plain residues
  void (*forward)(const FieldData&, u64* dst, const u64* src);
  void (*forwardLazy)(const FieldData&, u64* dst, const u64* src, u64 sourceModulus);
  /** Of (number + offset) * factor, offset below q; for widths of 4, 5 and 6 bytes. Null where numbers are unpacked first. Reduced. */
  void (*forwardPacked)(const FieldData&, u64* dst, const u64* src, unsigned width, u64 offset, Constant factor);
  /** last: factors of the two halves in the last layer, 1/N and the caller's scale included. */
  void (*inverse)(const FieldData&, u64* dst, const u64* src, const Constant last[2]);
  void (*add)(const FieldData&, u64*, const u64*, const u64*, std::size_t);
  void (*subtract)(const FieldData&, u64*, const u64*, const u64*, std::size_t);
  void (*negate)(const FieldData&, u64*, const u64*, std::size_t);
  void (*multiply)(const FieldData&, u64*, const u64*, const u64*, std::size_t);
  void (*scale)(const FieldData&, u64*, const u64*, Constant, std::size_t);
  void (*scaleAdd)(const FieldData&, u64*, const u64*, Constant, std::size_t);
  void (*reduce)(const FieldData&, u64*, const u64*, u64 sourceModulus, std::size_t);
  Sums multiplyAccumulate;
  /** For widths of 4, 5 and 6 bytes; null where residues are unpacked first. */
  const Sums* multiplyPackedKeys;
  const Sums* multiplyPackedPlaintexts;
  /** Null where they are spread first. */
  void (*multiplyRuns)(const FieldData&, u64* dst0, u64* dst1, const u64* const* x, unsigned logRun, const u64* const* y0, const u64* const* y1,
                       std::size_t terms, bool add, std::size_t n);
  void (*convert)(const FieldData&, u64*, const u64* const*, const Constant*, std::size_t count, u64 bound, std::size_t n);
  void (*convertForwardLazy)(const FieldData&, u64*, const u64* const*, const Constant*, std::size_t count, u64 bound);
  /** For a width of 6 bytes. Null where inputs are unpacked first. */
  void (*convertPackedForwardLazy)(const FieldData&, u64* dst, const u64* const* y, const std::uint8_t* bytes, const Constant*, std::size_t count);
  void (*subtractScale)(const FieldData&, u64*, const u64*, const u64*, Constant, std::size_t);
  void (*subtractScaleAdd)(const FieldData&, u64*, const u64*, const u64*, Constant, const u64* addend, const Automorphism*);
  void (*permute)(const Automorphism&, u64*, const u64*);
  void (*permuteAdd)(const FieldData&, const Automorphism&, u64*, const u64*, const u64*);
};

extern const KernelTable scalarKernels;
#if defined(__x86_64__)
extern const KernelTable avx2Kernels, avx512Kernels, ifmaKernels, ifmaLazyKernels;
/** Of the AVX-512 path where the machine has IFMA as well; with Shoup's quotients in the tables of roots. */
struct WideTransforms {
  decltype(KernelTable::forward) forward;
  decltype(KernelTable::forwardLazy) forwardLazy;
  decltype(KernelTable::inverse) inverse;
  decltype(KernelTable::convertForwardLazy) convertForwardLazy;
};
extern const WideTransforms ifmaWideTransforms;
/** Whether forward transforms need no reduction between layers: (4 log2 N + 2) q < 2^52. */
constexpr bool ifmaNeverReduces(u64 modulus, std::size_t degree) noexcept {
  u64 log = 0;
  while ((std::size_t{1} << log) < degree) log++;
  return modulus < (u64{1} << 52) / (4 * log + 2);
}
#elif defined(__aarch64__)
extern const KernelTable neonKernels;
#endif

}  // namespace he
