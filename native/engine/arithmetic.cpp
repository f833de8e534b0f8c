#include "arithmetic.h"

#include <cstring>

#include "pointwise.h"

namespace he {
namespace {

/** Tensor product, a range at a time so that operands and the cross term stay in the first-level cache. */
void multiplyLimb(const Field& field, const LimbOperation& o, std::size_t offset, std::size_t degree, u64* spare) noexcept {
  constexpr std::size_t range = 256;
  u64* const low = spare;
  u64* const cross = spare + range;
  u64* const high = spare + 2 * range;
  for (std::size_t at = offset; at < offset + degree; at += range) {
    const u64 *a0 = o.left[0] + at, *a1 = o.left[1] + at, *b0 = o.right[0] + at, *b1 = o.right[1] + at;
    field.multiply(low, a0, b0, range);
    field.multiply(high, a1, b1, range);
    // One reduction for both products: the sum comes out divided by the radix where multiplicands are kept multiplied by it.
    const u64 *const x[2] = {a0, a1}, *const y[2] = {b1, b0};
    field.multiplyAccumulate(cross, nullptr, x, y, nullptr, 2, false, range);
    field.toMultiplicand(cross, cross, range);
    std::memcpy(o.result[0] + at, low, range * sizeof(u64));
    std::memcpy(o.result[1] + at, cross, range * sizeof(u64));
    std::memcpy(o.result[2] + at, high, range * sizeof(u64));
  }
}

void multiplyPlainLimb(const Field& field, const LimbOperation& o, std::size_t limb, std::size_t degree, u64* spare) noexcept {
  const std::size_t offset = limb * degree;
  const bool add = o.kind == LimbOperation::Kind::multiplyPlainAdd;
  const auto& factors = add ? o.right : o.left;
  const std::size_t size = add ? o.rightSize : o.leftSize;
  for (std::size_t p = 0; p < size; ++p) {
    u64* const result = o.result[p] + offset;
    if (add && o.result[p] != o.left[p]) std::memcpy(result, o.left[p] + offset, degree * sizeof(u64));
    const u64* const factor = factors[p] + offset;
    if (o.plain->form == Plain::Form::constant) {
      if (add) {
        field.scaleAdd(result, factor, o.constants[limb], degree);
      } else {
        field.scale(result, factor, o.constants[limb], degree);
      }
    } else {
      const u64* const x = o.plain->limbs[limb];
      u64* const dst = add || result != factor ? result : spare;
      field.multiplyAccumulate(dst, nullptr, &x, &factor, nullptr, 1, add, degree);
      if (dst != result) std::memcpy(result, dst, degree * sizeof(u64));
    }
  }
  for (std::size_t p = size; p < o.leftSize; ++p) {
    if (o.result[p] != o.left[p]) std::memcpy(o.result[p] + offset, o.left[p] + offset, degree * sizeof(u64));
  }
}

}  // namespace

void runOnLimb(const Context& context, const LimbOperation& o, std::size_t limb, u64* spare) noexcept {
  const Field& field = context.field(limb);
  const std::size_t degree = context.degree();
  const std::size_t offset = limb * degree;
  const auto copy = [&](std::size_t p, const u64* from) {
    if (o.result[p] != from) std::memcpy(o.result[p] + offset, from + offset, degree * sizeof(u64));
  };
  switch (o.kind) {
    case LimbOperation::Kind::copy:
      for (std::size_t p = 0; p < o.leftSize; ++p) copy(p, o.left[p]);
      return;
    case LimbOperation::Kind::multiply:
      return multiplyLimb(field, o, offset, degree, spare);
    case LimbOperation::Kind::multiplyPlain:
    case LimbOperation::Kind::multiplyPlainAdd:
      return multiplyPlainLimb(field, o, limb, degree, spare);
    case LimbOperation::Kind::add:
      for (std::size_t p = 0; p < std::max(o.leftSize, o.rightSize); ++p) {
        if (p >= o.rightSize) {
          copy(p, o.left[p]);
        } else if (p >= o.leftSize) {
          copy(p, o.right[p]);
        } else {
          field.add(o.result[p] + offset, o.left[p] + offset, o.right[p] + offset, degree);
        }
      }
      return;
    case LimbOperation::Kind::addPlain:
      if (o.plain->form == Plain::Form::zero) {
        copy(0, o.left[0]);
      } else if (o.plain->form == Plain::Form::constant) {
        addConstant(o.result[0] + offset, o.left[0] + offset, o.plain->constants[limb], field.modulus(), degree);
      } else {
        field.add(o.result[0] + offset, o.left[0] + offset, o.plain->limbs[limb], degree);
      }
      for (std::size_t p = 1; p < o.leftSize; ++p) copy(p, o.left[p]);
      return;
  }
}

Ciphertext rescale(Workspace& workspace, const KeySwitcher& switcher, const Ciphertext& ciphertext, double scale) {
  const Context& context = workspace.context();
  const std::size_t level = ciphertext.level, size = ciphertext.size(), degree = context.degree();
  const ModulusDown& down = context.rescaleDown(level);
  const Limbs dropped = workspace.limbs(2 * size);
  workspace.eachLimb(size, [&](std::size_t p, std::size_t) {
    context.field(level).inverse(dropped[2 * p], ciphertext.polynomial(p) + level * degree, down.prepare[0]);
    countHalves(dropped[2 * p + 1], dropped[2 * p], context.field(level).modulus(), degree);
  });
  const NewCiphertext result(workspace, size, level - 1, scale);
  workspace.eachLimb(size * level, [&](std::size_t item, std::size_t thread) {
    const std::size_t p = item % size, j = item / size;
    const std::array<const u64*, 2> inputs{dropped[2 * p], dropped[2 * p + 1]};
    switcher.divideLimb(down, j, inputs.data(), result.limb(p, j), ciphertext.polynomial(p) + j * degree, nullptr,
                        nullptr, workspace.spareLimb(thread, 0));
  });
  return result.finish();
}

}  // namespace he
