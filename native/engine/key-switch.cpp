#include "key-switch.h"

#include <algorithm>

#include "pointwise.h"

namespace he {
namespace {

constexpr std::size_t maximumInputs = 66;
using Inputs = std::array<const u64*, maximumInputs>;

}  // namespace

SwitchingKey prepareKey(Workspace& workspace, format::SwitchingKeyData data, u64 element) {
  const Context& context = workspace.context();
  const std::size_t degree = context.degree(), digits = data.digits.size();
  const Automorphism& inverse = workspace.automorphism(inverseElement(element, degree));
  const std::size_t count = context.extendedCount(data.level);
  PackedLimbs limbs(workspace.pool(), context.packedWidths(data.level), 2 * digits, degree);
  workspace.eachLimb(digits * count, [&](std::size_t item, std::size_t thread) {
    const std::size_t index = item % count, d = item / count;
    const Field& field = context.field(context.extendedLimb(data.level, index));
    u64* const spare = workspace.spareLimb(thread, 0);
    for (std::size_t p = 0; p < 2; ++p) {
      const format::Polynomial& polynomial = p == 0 ? data.digits[d].b : data.digits[d].a;
      permute(inverse, spare, polynomial.words.data() + index * degree);
      field.toMultiplicand(spare, spare, degree);
      pack(limbs.at(index, 2 * d + p), spare, limbs.width(index), degree);
    }
  });
  return SwitchingKey(context, data.level, std::move(limbs));
}

void countMultiplesRange(const Context& context, const Conversion& conversion, const u64* const* y, u64* e, std::size_t n) {
  if (conversion.from.size() == 1) {
    countHalves(e, y[0], context.field(conversion.from[0]).modulus(), n);
  } else {
    he::countMultiples(e, y, conversion.reciprocals.data(), conversion.from.size(), n);
  }
}

void KeySwitcher::countMultiples(const Conversion& conversion, const u64* const* y, u64* e) {
  workspace_.eachRange([&](std::size_t first, std::size_t n, std::size_t) {
    Inputs inputs;
    for (std::size_t i = 0; i < conversion.from.size(); ++i) inputs[i] = y[i] + first;
    countMultiplesRange(context(), conversion, inputs.data(), e + first, n);
  });
}

Decomposition KeySwitcher::makeDecomposition(std::size_t level) {
  Decomposition result;
  result.level = level;
  if (context().alpha() == 1) {
    result.y = workspace_.limbs(level + 1);
    return result;
  }
  result.packed = PackedLimbs(workspace_.pool(), std::vector(level + 1, context().digitWidth()), 1, context().degree());
  result.multiples = Block(workspace_.pool(), context().digitsAt(level) * context().degree() / sizeof(u64));
  return result;
}

void KeySwitcher::packDigits(Decomposition& decomposition, const Limbs& words, std::size_t first, std::size_t n, std::size_t thread) const {
  const std::size_t level = decomposition.level;
  u64* const multiples = workspace_.spareLimb(thread, 0);
  Inputs inputs;
  for (std::size_t d = 0; d < context().digitsAt(level); ++d) {
    const Digit& digit = context().digit(level, d);
    for (std::size_t i = 0; i < digit.count; ++i) inputs[i] = words[digit.first + i] + first;
    countMultiplesRange(context(), digit, inputs.data(), multiples, n);
    std::uint8_t* const bytes = decomposition.multiplesOf(d, context().degree()) + first;
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::uint8_t>(multiples[i]);
  }
  for (std::size_t j = 0; j <= level; ++j) {
    const unsigned width = decomposition.packed.width(j);
    pack(decomposition.packed.at(j) + packedWords(width, first), words[j] + first, width, n);
  }
}

Decomposition KeySwitcher::decompose(std::size_t level, const u64* polynomial, u64 element) {
  Decomposition result = makeDecomposition(level);
  result.own = polynomial;
  if (context().sealShaped()) result.element = element;
  const Limbs words = result.packed ? workspace_.limbs(level + 1) : Limbs();
  const std::size_t degree = context().degree();
  workspace_.eachLimb(level + 1, [&](std::size_t j, std::size_t) {
    const Digit& digit = context().digit(level, context().digitOf(j));
    const Field& field = context().field(j);
    u64* const limb = (words ? words : result.y)[j];
    field.inverse(limb, polynomial + j * degree, digit.prepare[j - digit.first]);
    if (result.element != 1) fillFlippedZeros(limb, field.modulus(), element, degree);
  });
  if (words) workspace_.eachRange([&](std::size_t first, std::size_t n, std::size_t thread) { packDigits(result, words, first, n, thread); });
  return result;
}

/**
 * SEAL decomposes after its automorphism, which turns a coefficient c of the digit of q_d into q_d - c where its sign flips: seen from
 * before the automorphism, c - q_d. The product with the key is linear, so that what the flips add to it,
 * -(sum over the flipped places of x^i) * sum_d q_d key_d, does not depend on the ciphertext. (Of a zero SEAL makes a zero, not q_d;
 * `decompose` has put q_d there.)
 */
const Limbs& KeySwitcher::flipProduct(const SwitchingKey& key, std::size_t level, u64 element) {
  if (key.flips_.limbs && key.flips_.level == level) return key.flips_.limbs;
  key.flips_.limbs = Limbs();
  const std::size_t degree = context().degree(), count = context().digitsAt(level), extended = context().extendedCount(level);
  Limbs limbs = workspace_.limbs(2 * extended);
  workspace_.eachLimb(extended, [&](std::size_t index, std::size_t thread) {
    const std::size_t limb = context().extendedLimb(level, index);
    const Field& field = context().field(limb);
    u64* const flips = workspace_.spareLimb(thread, 0);
    u64* const sum = workspace_.spareLimb(thread, 1);
    u64* const part = workspace_.spareLimb(thread, 2);
    markFlips(flips, element, degree);
    field.forward(flips, flips);
    for (std::size_t p = 0; p < 2; ++p) {
      std::fill_n(sum, degree, 0);
      for (std::size_t d = 0; d < count; ++d) {
        unpack(part, p == 0 ? key.b(d, limb) : key.a(d, limb), packedWidth(field.modulus()), degree);
        field.scaleAdd(sum, part, context().digit(level, d).to[limb].back(), degree);
      }
      field.multiplyAccumulate(limbs[2 * index + p], nullptr, &flips, &sum, nullptr, 1, false, degree);
    }
  });
  key.flips_ = {level, std::move(limbs)};
  return key.flips_.limbs;
}

void KeySwitcher::prepareLimb(std::size_t level, std::size_t index, u64* limb) const {
  const Constant scale =
      index <= level ? context().reentry(level).scale[index] : context().specialDown().prepare[index - level - 1];
  context().field(context().extendedLimb(level, index)).inverse(limb, limb, scale);
}

Decomposition KeySwitcher::divideAndDecompose(std::size_t level, const Limbs& prepared) {
  const std::size_t specials = context().specialCount();
  const Reentry& reentry = context().reentry(level);
  const ModulusDown& down = context().specialDown();
  Decomposition result = makeDecomposition(level);
  const Limbs& to = result.packed ? prepared : result.y;
  workspace_.eachRange([&](std::size_t first, std::size_t n, std::size_t thread) {
    Inputs inputs;
    u64* const multiples = workspace_.spareLimb(thread, 0);
    u64* const correction = workspace_.spareLimb(thread, 1);
    for (std::size_t k = 0; k < specials; ++k) inputs[k] = prepared[level + 1 + k] + first;
    countMultiplesRange(context(), down, inputs.data(), multiples, n);
    inputs[specials] = multiples;
    for (std::size_t j = 0; j <= level; ++j) {
      const Field& field = context().field(j);
      field.convert(correction, inputs.data(), reentry.to[j].data(), specials + 1, n, down.bound);
      field.add(to[j] + first, prepared[j] + first, correction, n);
    }
    if (result.packed) packDigits(result, to, first, n, thread);
  });
  return result;
}

void KeySwitcher::digitsOf(const Decomposition& decomposition, std::size_t limb, std::size_t thread,
                           const u64** digits) const {
  const std::size_t level = decomposition.level, degree = context().degree();
  const Field& field = context().field(limb);
  Inputs inputs;
  for (std::size_t d = 0; d < context().digitsAt(level); ++d) {
    const Digit& digit = context().digit(level, d);
    u64* const buffer = workspace_.digitLimb(thread, d);
    digits[d] = buffer;
    if (digit.contains(limb) && decomposition.own != nullptr) {
      digits[d] = decomposition.own + limb * degree;
    } else if (!decomposition.packed) {
      const u64 above = decomposition.element == 1 ? 0 : 1;  // flipped zeros
      field.forwardLazy(buffer, decomposition.y[digit.first], context().field(digit.first).modulus() + above);
    } else if (digit.contains(limb)) {
      field.forwardPackedLazy(buffer, decomposition.packed.at(limb), decomposition.packed.width(limb), digit.own[limb - digit.first]);
    } else {
      for (std::size_t i = 0; i < digit.count; ++i) inputs[i] = decomposition.packed.at(digit.first + i);
      field.convertPackedForwardLazy(buffer, inputs.data(), decomposition.packed.width(0), decomposition.multiplesOf(d, degree),
                                     digit.to[limb].data(), digit.count, digit.bound);
    }
  }
}

void KeySwitcher::innerProduct(std::size_t level, const u64* const* digits, const SwitchingKey& key, std::size_t limb,
                               u64* dst0, u64* dst1, bool add) const {
  std::array<Packed, maximumInputs> b, a;
  const std::size_t count = context().digitsAt(level);
  for (std::size_t d = 0; d < count; ++d) {
    b[d] = key.b(d, limb);
    a[d] = key.a(d, limb);
  }
  context().field(limb).multiplyPackedKeys(dst0, dst1, digits, b.data(), a.data(), count, add, context().degree());
}

void KeySwitcher::divideLimb(const ModulusDown& down, std::size_t limb, const u64* const* dropped, u64* dst, const u64* a,
                             const u64* addend, const Automorphism* automorphism, u64* spare) const {
  const Field& field = context().field(limb);
  field.convertForwardLazy(spare, dropped, down.to[limb].data(), down.from.size() + 1, down.bound);
  field.subtractScaleAdd(dst, a, spare, down.inverse[limb], addend, automorphism);
}

std::vector<Ciphertext> KeySwitcher::apply(const Decomposition& decomposition, std::span<const Switch> switches,
                                           const u64* addend0, const u64* addend1, double scale, bool rescale) {
  const std::size_t level = decomposition.level, extended = context().extendedCount(level), count = context().digitsAt(level);
  // One switch makes the digits of a limb where it needs them; several share them.
  Limbs shared;
  if (switches.size() > 1) {
    shared = workspace_.limbs(extended * count);
    workspace_.eachLimb(extended, [&](std::size_t index, std::size_t thread) {
      Inputs digits;
      digitsOf(decomposition, context().extendedLimb(level, index), thread, digits.data());
      for (std::size_t d = 0; d < count; ++d) std::copy_n(digits[d], context().degree(), shared[index * count + d]);
    });
  }
  std::vector<Ciphertext> results;
  for (const Switch& s : switches) results.push_back(applyOne(decomposition, shared, s, {addend0, addend1}, scale, rescale));
  return results;
}

Ciphertext KeySwitcher::applyOne(const Decomposition& decomposition, const Limbs& shared, const Switch& use,
                                 std::array<const u64*, 2> addends, double scale, bool rescale) {
  const std::size_t level = decomposition.level, degree = context().degree(), digitCount = context().digitsAt(level);
  const ModulusDown& down = rescale ? context().mergedDown(level) : context().specialDown();
  const Automorphism* const automorphism = use.element == 1 ? nullptr : &workspace_.automorphism(use.element);
  // Of both polynomials: the dropped limbs, then their count of the divisor.
  const std::size_t dropCount = down.from.size(), stride = dropCount + 1;
  const Limbs dropped = workspace_.limbs(2 * stride);
  const Limbs* const flips = decomposition.element == 1 ? nullptr : &flipProduct(*use.key, level, decomposition.element);
  const auto sumLimb = [&](std::size_t limb, std::size_t thread, u64* dst0, u64* dst1) {
    Inputs digits;
    const std::size_t index = limb <= level ? limb : limb - context().topLevel() + level;
    if (shared) {
      for (std::size_t d = 0; d < digitCount; ++d) digits[d] = shared[index * digitCount + d];
    } else {
      digitsOf(decomposition, limb, thread, digits.data());
    }
    innerProduct(level, digits.data(), *use.key, limb, dst0, dst1, false);
    if (flips == nullptr) return;
    context().field(limb).add(dst0, dst0, (*flips)[2 * index], degree);
    context().field(limb).add(dst1, dst1, (*flips)[2 * index + 1], degree);
  };

  workspace_.eachLimb(dropCount, [&](std::size_t i, std::size_t thread) {
    const std::size_t limb = down.from[i];
    const Field& field = context().field(limb);
    sumLimb(limb, thread, dropped[i], dropped[stride + i]);
    for (std::size_t p = 0; p < 2; ++p) {
      u64* const sum = dropped[p * stride + i];
      if (limb <= level && addends[p] != nullptr) {
        field.scaleAdd(sum, addends[p] + limb * degree, context().specialProduct(limb), degree);
      }
      field.inverse(sum, sum, down.prepare[i]);
    }
  });
  std::array<Inputs, 2> inputs;
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::size_t i = 0; i < stride; ++i) inputs[p][i] = dropped[p * stride + i];
  }
  workspace_.eachRange([&](std::size_t first, std::size_t n, std::size_t) {
    for (std::size_t p = 0; p < 2; ++p) {
      Inputs sources;
      for (std::size_t i = 0; i < dropCount; ++i) sources[i] = inputs[p][i] + first;
      countMultiplesRange(context(), down, sources.data(), dropped[p * stride + dropCount] + first, n);
    }
  });

  const NewCiphertext result(workspace_, 2, rescale ? level - 1 : level, scale);
  workspace_.eachLimb(result.data->level + 1, [&](std::size_t j, std::size_t thread) {
    const Field& field = context().field(j);
    u64* const sums[2] = {workspace_.spareLimb(thread, 0), workspace_.spareLimb(thread, 1)};
    sumLimb(j, thread, sums[0], sums[1]);
    for (std::size_t p = 0; p < 2; ++p) {
      const u64* const addend = addends[p] == nullptr ? nullptr : addends[p] + j * degree;
      if (addend != nullptr && rescale) field.scaleAdd(sums[p], addend, context().specialProduct(j), degree);
      divideLimb(down, j, inputs[p].data(), result.limb(p, j), sums[p], rescale ? nullptr : addend, automorphism,
                 workspace_.spareLimb(thread, 2));
    }
  });
  return result.finish();
}

}  // namespace he
