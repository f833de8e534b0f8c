#include "workspace.h"

namespace he {

u64 galoisElement(std::size_t step, std::size_t degree) noexcept {
  const u64 mask = 2 * degree - 1;
  if (step == 0) return mask;
  u64 element = 1;
  u64 power = 3;
  for (; step != 0; step >>= 1) {
    if (step & 1) element = element * power & mask;
    power = power * power & mask;
  }
  return element;
}

u64 inverseElement(u64 element, std::size_t degree) noexcept {
  // Newton's iteration doubles the number of correct low bits; an odd number is its own inverse modulo 8.
  u64 inverse = element;
  for (int i = 0; i < 5; ++i) inverse *= 2 - element * inverse;
  return inverse & (2 * degree - 1);
}

Workspace::Workspace(std::shared_ptr<const Context> context, std::size_t memoryLimitBytes, std::size_t threads,
                     Control control)
    : context_(std::move(context)),
      pool_(memoryLimitBytes),
      threads_(threads, control),
      stride_(context_->digitsAt(context_->topLevel()) + spares),
      scratch_(pool_, stride_ * threads_.count(), context_->degree()) {}

const Automorphism& Workspace::automorphism(u64 element) {
  const auto found = automorphisms_.find(element);
  if (found != automorphisms_.end()) return *found->second;
  return *automorphisms_.emplace(element, makeAutomorphism(element, degree())).first->second;
}

}  // namespace he
