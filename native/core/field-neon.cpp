// NEON: additions two words at a time. It has no product of 64-bit words, and the scalar multiplier of these
// processors is fast; transforms and products are those of the portable path.
#include <arm_neon.h>

#include "kernel-table.h"

namespace he {

namespace {

using V = uint64x2_t;

V once(V x, V q) { return vsubq_u64(x, vandq_u64(vcgeq_u64(x, q), q)); }

void addLimb(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const V q = vdupq_n_u64(f.modulus);
  for (std::size_t i = 0; i < n; i += 2) vst1q_u64(dst + i, once(vaddq_u64(vld1q_u64(a + i), vld1q_u64(b + i)), q));
}

void subtractLimb(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const V q = vdupq_n_u64(f.modulus);
  for (std::size_t i = 0; i < n; i += 2) vst1q_u64(dst + i, once(vsubq_u64(vaddq_u64(vld1q_u64(a + i), q), vld1q_u64(b + i)), q));
}

void negateLimb(const FieldData& f, u64* dst, const u64* a, std::size_t n) {
  const V q = vdupq_n_u64(f.modulus);
  for (std::size_t i = 0; i < n; i += 2) vst1q_u64(dst + i, once(vsubq_u64(q, vld1q_u64(a + i)), q));
}

KernelTable table() {
  KernelTable kernels = scalarKernels;
  kernels.path = Path::neon;
  kernels.add = addLimb;
  kernels.subtract = subtractLimb;
  kernels.negate = negateLimb;
  return kernels;
}

}  // namespace

const KernelTable neonKernels = table();

}  // namespace he
