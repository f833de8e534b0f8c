#include "raise.h"

#include "encoder.h"
#include "pointwise.h"

namespace he {
namespace {

/** b and a limb by limb, as multiplicands. @param limbs numbers of the context's limbs that the polynomials are over */
Limbs multiplicandsOf(Workspace& workspace, const format::Polynomial& b, const format::Polynomial& a,
                      const std::vector<std::size_t>& limbs) {
  const std::size_t degree = workspace.degree();
  Limbs result = workspace.limbs(2 * limbs.size());
  workspace.eachLimb(limbs.size(), [&](std::size_t i, std::size_t) {
    const Field& field = workspace.context().field(limbs[i]);
    field.toMultiplicand(result[2 * i], b.words.data() + i * degree, degree);
    field.toMultiplicand(result[2 * i + 1], a.words.data() + i * degree, degree);
  });
  return result;
}

/** Residues to integers in (-q/2, q/2), in place. */
std::int64_t* centre(u64* residues, u64 q, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) residues[i] -= q & (u64{0} - u64{residues[i] > q / 2});
  return reinterpret_cast<std::int64_t*>(residues);
}

/** The steps of one raise; limbs named by what they hold. */
class Raise {
 public:
  Raise(Workspace& workspace, const RaiseKeys& keys)
      : workspace_(workspace),
        context_(workspace.context()),
        keys_(keys),
        degree_(workspace.degree()),
        base_(context_.field(0)),
        special_(context_.field(context_.topLevel() + 1)) {}

  Ciphertext run(const Ciphertext& low, double scale) {
    const Limbs sparse = workspace_.limbs(2);
    encapsulate(low, sparse);
    return decapsulate(sparse, scale);
  }

 private:
  /** Both polynomials under s' modulo q_0, as centred integers. */
  void encapsulate(const Ciphertext& low, const Limbs& sparse) {
    const Limbs inner = workspace_.limbs(2), lifted = workspace_.limbs(1);
    // c_1 modulo q_0 and modulo p'
    base_.inverse(lifted[0], low.polynomial(1), base_.constant(1));
    Encoder::reduce(lifted[0], centre(lifted[0], base_.modulus(), degree_), special_);
    special_.forward(lifted[0], lifted[0]);
    product(special_, lifted[0], 1, inner);
    const u64* const own = low.polynomial(1);
    product(base_, own, 0, sparse);
    workspace_.threads().each(2, [&](std::size_t p, std::size_t thread) {
      // (u - [u]_p') / p' modulo q_0, in coefficient form
      special_.inverse(inner[p], inner[p], special_.constant(1));
      Encoder::reduce(inner[p], centre(inner[p], special_.modulus(), degree_), base_);
      base_.inverse(sparse[p], sparse[p], base_.constant(1));
      base_.subtract(sparse[p], sparse[p], inner[p], degree_);
      base_.scale(sparse[p], sparse[p], context_.encapsulationInverse(), degree_);
      if (p == 0) {
        u64* const first = workspace_.spareLimb(thread, 0);
        base_.inverse(first, low.polynomial(0), base_.constant(1));
        base_.add(sparse[p], sparse[p], first, degree_);
      }
      centre(sparse[p], base_.modulus(), degree_);
    });
  }

  void product(const Field& field, const u64* x, std::size_t limb, const Limbs& to) const {
    const u64* const b = keys_.encapsulation.b(limb);
    const u64* const a = keys_.encapsulation.a(limb);
    field.multiplyAccumulate(to[0], to[1], &x, &b, &a, 1, false, degree_);
  }

  Ciphertext decapsulate(const Limbs& sparse, double scale) {
    const DecapsulationKey& key = keys_.decapsulation;
    const std::size_t level = key.level();
    const ModulusDown& down = context_.specialDown();
    const std::size_t specials = down.from.size(), stride = specials + 1;
    const auto* const d0 = reinterpret_cast<const std::int64_t*>(sparse[0]);
    const auto* const d1 = reinterpret_cast<const std::int64_t*>(sparse[1]);
    const auto multiply = [&](std::size_t index, std::size_t thread, u64* dst0, u64* dst1) {
      const Field& field = context_.field(context_.extendedLimb(level, index));
      u64* const raised = workspace_.spareLimb(thread, 2);
      Encoder::reduce(raised, d1, field);
      field.forward(raised, raised);
      const u64* const x = raised;
      const u64* const b = key.b(index);
      const u64* const a = key.a(index);
      field.multiplyAccumulate(dst0, dst1, &x, &b, &a, 1, false, degree_);
    };

    const Limbs dropped = workspace_.limbs(2 * stride);
    workspace_.eachLimb(specials, [&](std::size_t i, std::size_t thread) {
      const Field& field = context_.field(down.from[i]);
      multiply(level + 1 + i, thread, dropped[i], dropped[stride + i]);
      for (std::size_t p = 0; p < 2; ++p) field.inverse(dropped[p * stride + i], dropped[p * stride + i], down.prepare[i]);
    });
    KeySwitcher switcher(workspace_);
    std::array<std::array<const u64*, 66>, 2> inputs;
    for (std::size_t p = 0; p < 2; ++p) {
      for (std::size_t i = 0; i < stride; ++i) inputs[p][i] = dropped[p * stride + i];
      switcher.countMultiples(down, inputs[p].data(), dropped[p * stride + specials]);
    }
    const NewCiphertext result(workspace_, 2, level, scale);
    workspace_.eachLimb(level + 1, [&](std::size_t j, std::size_t thread) {
      const Field& field = context_.field(j);
      u64* const sums[2] = {workspace_.spareLimb(thread, 0), workspace_.spareLimb(thread, 1)};
      multiply(j, thread, sums[0], sums[1]);
      u64* const first = workspace_.spareLimb(thread, 2);
      Encoder::reduce(first, d0, field);
      field.forward(first, first);
      for (std::size_t p = 0; p < 2; ++p) {
        switcher.divideLimb(down, j, inputs[p].data(), result.limb(p, j), sums[p], p == 0 ? first : nullptr, nullptr,
                            workspace_.spareLimb(thread, 3));
      }
    });
    return result.finish();
  }

  Workspace& workspace_;
  const Context& context_;
  const RaiseKeys& keys_;
  const std::size_t degree_;
  const Field& base_;
  const Field& special_;
};

}  // namespace

EncapsulationKey::EncapsulationKey(Workspace& workspace, format::EncapsulationKeyData data)
    : limbs_(multiplicandsOf(workspace, data.b, data.a, format::encapsulationLimbs(workspace.context()))) {}

DecapsulationKey::DecapsulationKey(Workspace& workspace, format::DecapsulationKeyData data)
    : level_(data.level),
      limbs_(multiplicandsOf(workspace, data.b, data.a, format::keyLimbs(workspace.context(), data.level))) {}

Ciphertext raiseModulus(Workspace& workspace, const RaiseKeys& keys, const Ciphertext& low, double scale) {
  return Raise(workspace, keys).run(low, scale);
}

}  // namespace he
