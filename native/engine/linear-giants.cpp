/** From the giants' sums to the outputs: rotations, reductions, the last division. */
#include "linear-evaluation.h"
#include "pointwise.h"

namespace he {

void LinearEvaluation::rotateGiant(const Block& block, std::size_t number) {
  const auto& giant = plan_.giants[number];
  const auto target = static_cast<std::size_t>(giant.into);
  if (!sums_[target]) sums_[target] = workspace_.limbs(extended_);
  // The target's last tributary also does the first step of the target's own rotation while the limb is in the cache.
  const bool completes = plan_.giants[target].into != -1 && target < block.last &&
                         plan_.giants[target].lastTributary == static_cast<std::int32_t>(number);
  u32 rest = giant.step;
  for (std::size_t i = 0; i < giant.via.size(); ++i) {
    const bool last = i + 1 == giant.via.size();
    const SwitchingKey& key = keys_.rotation(giant.via[i], level_);
    const Automorphism& step = workspace_.automorphism(galoisElement(giant.via[i], degree_));
    const Automorphism& toOutput = workspace_.automorphism(galoisElement(rest, degree_));
    const Decomposition decomposition = switcher_.divideAndDecompose(level_, sums_[number]);
    workspace_.eachLimb(extended_, [&](std::size_t index, std::size_t thread) {
      std::array<const u64*, 64> digits;
      u64* const first = workspace_.spareLimb(thread, 0);
      u64* const second = workspace_.spareLimb(thread, 1);
      const std::size_t limb = context_.extendedLimb(level_, index);
      switcher_.digitsOf(decomposition, limb, thread, digits.data());
      switcher_.innerProduct(level_, digits.data(), key, limb, first, second, false);
      u64* const sum = outputs_[giant.output][index];
      permuteAdd(toOutput, fieldAt(index), sum, first, sum);
      u64* const to = sums_[last ? target : number][index];
      if (last && filled_[target]) {
        permuteAdd(step, fieldAt(index), to, second, to);
      } else {
        permute(step, to, second);
      }
      if (!last || completes) switcher_.prepareLimb(level_, index, to);
    });
    rest = static_cast<u32>((rest + degree_ / 2 - giant.via[i]) % (degree_ / 2));
  }
  filled_[target] = true;
  sums_[number] = Limbs();
}

void LinearEvaluation::reduceOutput(std::size_t number) {
  const auto& output = plan_.outputs[number];
  const Limbs& first = outputs_[number];
  const Limbs& second = sums_[output.root];
  for (const auto& steps : output.reductions) {
    const Limbs moving = workspace_.limbs(extended_);
    workspace_.eachLimb(extended_, [&](std::size_t index, std::size_t) {
      std::memcpy(moving[index], second[index], degree_ * sizeof(u64));
      switcher_.prepareLimb(level_, index, moving[index]);
    });
    u32 rest = 0;
    for (const u32 step : steps) rest = static_cast<u32>((rest + step) % (degree_ / 2));
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool last = i + 1 == steps.size();
      const SwitchingKey& key = keys_.rotation(steps[i], level_);
      const Automorphism& step = workspace_.automorphism(galoisElement(steps[i], degree_));
      const Automorphism& toOutput = workspace_.automorphism(galoisElement(rest, degree_));
      const Decomposition decomposition = switcher_.divideAndDecompose(level_, moving);
      workspace_.eachLimb(extended_, [&](std::size_t index, std::size_t thread) {
        std::array<const u64*, 64> digits;
        const Field& field = fieldAt(index);
        u64* const inner0 = workspace_.spareLimb(thread, 0);
        u64* const inner1 = workspace_.spareLimb(thread, 1);
        const std::size_t limb = context_.extendedLimb(level_, index);
        switcher_.digitsOf(decomposition, limb, thread, digits.data());
        switcher_.innerProduct(level_, digits.data(), key, limb, inner0, inner1, false);
        // The first polynomial itself makes the whole way in the first step.
        if (i == 0) field.add(inner0, inner0, first[index], degree_);
        permuteAdd(toOutput, field, first[index], inner0, first[index]);
        if (last) {
          permuteAdd(step, field, second[index], inner1, second[index]);
        } else {
          permute(step, moving[index], inner1);
          switcher_.prepareLimb(level_, index, moving[index]);
        }
      });
      rest = static_cast<u32>((rest + degree_ / 2 - steps[i]) % (degree_ / 2));
    }
  }
}

/** The input times the smallest plaintext, 1 / its scale: an encryption of almost zero, where an exact zero hides nothing. */
void LinearEvaluation::addAlmostZero(std::size_t number) {
  const std::size_t root = plan_.outputs[number].root;
  workspace_.eachLimb(level_ + 1, [&](std::size_t j, std::size_t) {
    context_.field(j).scale(outputs_[number][j], inputs_[0].polynomial(0) + j * degree_, context_.specialProduct(j), degree_);
    context_.field(j).scale(sums_[root][j], inputs_[0].polynomial(1) + j * degree_, context_.specialProduct(j), degree_);
  });
}

Ciphertext LinearEvaluation::finishOutput(std::size_t number) {
  const auto& output = plan_.outputs[number];
  if (output.empty) addAlmostZero(number);
  reduceOutput(number);
  const std::array<const Limbs*, 2> sums{&outputs_[number], &sums_[output.root]};
  const ModulusDown& down = context_.mergedDown(level_);
  const std::size_t count = down.from.size();
  const Limbs multiples = workspace_.limbs(2);
  const auto droppedIndex = [&](std::size_t i) { return i + 1 == count ? level_ : level_ + 1 + i; };
  workspace_.eachLimb(2 * count, [&](std::size_t item, std::size_t) {
    const std::size_t i = item / 2;
    u64* const limb = (*sums[item % 2])[droppedIndex(i)];
    context_.field(down.from[i]).inverse(limb, limb, down.prepare[i]);
  });
  std::array<std::array<const u64*, 66>, 2> dropped;
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::size_t i = 0; i < count; ++i) dropped[p][i] = (*sums[p])[droppedIndex(i)];
    dropped[p][count] = multiples[p];
    switcher_.countMultiples(down, dropped[p].data(), multiples[p]);
  }
  Integers biasIntegers;
  if (output.bias && output.bias->form == Plain::Form::slots) biasIntegers = plaintexts_.integersOf(*output.bias, 0);
  const NewCiphertext result(workspace_, 2, level_ - 1, plan_.outputScale);
  workspace_.eachLimb(2 * level_, [&](std::size_t item, std::size_t thread) {
    const std::size_t j = item / 2, p = item % 2;
    u64* const out = result.limb(p, j);
    switcher_.divideLimb(down, j, dropped[p].data(), out, (*sums[p])[j], nullptr, nullptr, workspace_.spareLimb(thread, 0));
    if (p == 1 || !output.bias) return;
    const Field& field = context_.field(j);
    const Plain& bias = *output.bias;
    if (bias.form == Plain::Form::constant) {
      addConstant(out, out, bias.constants[j], field.modulus(), degree_);
      return;
    }
    const u64* limb = nullptr;
    if (bias.form == Plain::Form::limbs) {
      limb = bias.limbs[j];
    } else {
      u64* const spare = workspace_.spareLimb(thread, 2);
      plaintexts_.expandLimb(bias, biasIntegers.words ? biasIntegers : bias.integers, j, spare);
      limb = spare;
    }
    field.add(out, out, limb, degree_);
  });
  outputs_[number] = Limbs();
  sums_[output.root] = Limbs();
  return result.finish();
}

}  // namespace he
