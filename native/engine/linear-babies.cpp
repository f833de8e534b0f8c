/** Rotated inputs: one decomposition for all rotations of one value. */
#include "linear-evaluation.h"

namespace he {

const u64* LinearEvaluation::baseLimb(std::size_t parent, std::size_t index, u64* spare) const {
  if (!isInput(parent)) return points_[parent].base[index];
  if (index > level_) return nullptr;
  fieldAt(index).scale(spare, inputs_[parent].polynomial(0) + index * degree_, context_.specialProduct(index), degree_);
  return spare;
}

void LinearEvaluation::rotateLimb(std::size_t node, std::size_t index, std::size_t thread, const u64* const* digits, const u64* base,
                            u64* dst0, u64* dst1) {
  const u32 step = plan_.nodes[node].step;
  u64* const first = workspace_.spareLimb(thread, 0);
  u64* const second = workspace_.spareLimb(thread, 1);
  switcher_.innerProduct(level_, digits, keys_.rotation(step, level_), context_.extendedLimb(level_, index), first, second, false);
  if (base != nullptr) fieldAt(index).add(first, first, base, degree_);
  const Automorphism& automorphism = workspace_.automorphism(galoisElement(step, degree_));
  permute(automorphism, dst0, first);
  permute(automorphism, dst1, second);
}

void LinearEvaluation::rotateNode(std::size_t node, Limbs& first, Limbs& second) {
  const auto parent = static_cast<std::size_t>(plan_.nodes[node].parent);
  first = workspace_.limbs(extended_);
  second = workspace_.limbs(extended_);
  workspace_.eachLimb(extended_, [&](std::size_t index, std::size_t thread) {
    std::array<const u64*, 64> digits;
    switcher_.digitsOf(points_[parent].decomposition, context_.extendedLimb(level_, index), thread, digits.data());
    const u64* const base = baseLimb(parent, index, workspace_.spareLimb(thread, 2));
    rotateLimb(node, index, thread, digits.data(), base, first[index], second[index]);
    switcher_.prepareLimb(level_, index, second[index]);
  });
}

void LinearEvaluation::makePoints() {
  // Tables are made here, since threads may only look them up; and missing keys are found before any work.
  for (const auto& node : plan_.nodes) {
    if (node.parent == -1) continue;
    workspace_.automorphism(galoisElement(node.step, degree_));
    keys_.rotation(node.step, level_);
  }
  for (const auto& giant : plan_.giants) {
    u32 rest = giant.step;
    for (const u32 step : giant.via) {
      keys_.rotation(step, level_);
      workspace_.automorphism(galoisElement(step, degree_));
      workspace_.automorphism(galoisElement(rest, degree_));
      rest = static_cast<u32>((rest + degree_ / 2 - step) % (degree_ / 2));
    }
    workspace_.automorphism(1);
  }
  for (std::size_t v = 0; v < plan_.nodes.size(); ++v) {
    if (!plan_.nodes[v].rotated) continue;
    if (isInput(v)) {
      points_[v].decomposition = switcher_.decompose(level_, inputs_[v].polynomial(1));
    } else {
      Limbs second;
      rotateNode(v, points_[v].base, second);
      points_[v].decomposition = switcher_.divideAndDecompose(level_, second);
    }
  }
}

/** Values of the block's nodes at one limb: two limbs each. Inputs have none at special limbs. */
void LinearEvaluation::fillNodes(const Block& block, const Scratch& scratch, std::size_t index) {
  const std::size_t thread = scratch.thread;
  const Field& field = fieldAt(index);
  std::array<const u64*, 64> digits;
  const u64* base = nullptr;
  std::int32_t decomposed = -1;
  for (const u32 node : block.nodes) {
    u64* const dst0 = scratch.value(block.place[node], 0);
    u64* const dst1 = scratch.value(block.place[node], 1);
    const std::int32_t parent = plan_.nodes[node].parent;
    if (parent == -1) {
      if (index > level_) continue;
      for (std::size_t p = 0; p < 2; ++p) {
        field.scale(p == 0 ? dst0 : dst1, inputs_[node].polynomial(p) + index * degree_, context_.specialProduct(index),
                    degree_);
      }
      continue;
    }
    if (parent != decomposed) {
      switcher_.digitsOf(points_[static_cast<std::size_t>(parent)].decomposition, context_.extendedLimb(level_, index),
                         thread, digits.data());
      base = baseLimb(static_cast<std::size_t>(parent), index, workspace_.spareLimb(thread, 2));
      decomposed = parent;
    }
    rotateLimb(node, index, thread, digits.data(), base, dst0, dst1);
  }
}

}  // namespace he
