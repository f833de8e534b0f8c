/** A ciphertext that may share its polynomials with others; lowering its level shares them too. */
#pragma once
#include <memory>

#include "workspace.h"

namespace he {

struct Ciphertext {
  std::size_t level = 0;
  double scale = 1;
  /** Polynomials of at least level + 1 limbs each. */
  std::shared_ptr<format::CiphertextData> data;

  std::size_t size() const noexcept { return data->polynomials.size(); }
  const u64* polynomial(std::size_t p) const noexcept { return data->polynomials[p].words.data(); }
  Ciphertext atLevel(std::size_t lower) const { return {lower, scale, data}; }
};

/** A ciphertext being made, uninitialised. */
struct NewCiphertext {
  NewCiphertext(Workspace& workspace, std::size_t size, std::size_t level, double scale)
      : degree(workspace.degree()), data(std::make_shared<format::CiphertextData>()) {
    data->level = level;
    data->scale = scale;
    for (std::size_t p = 0; p < size; ++p) data->polynomials.push_back(workspace.polynomial(level + 1));
  }
  u64* limb(std::size_t p, std::size_t j) const noexcept { return data->polynomials[p].words.data() + j * degree; }
  Ciphertext finish() const { return {data->level, data->scale, data}; }

  std::size_t degree;
  std::shared_ptr<format::CiphertextData> data;
};

}  // namespace he
