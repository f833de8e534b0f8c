/** What every computation of an engine needs: context, memory, threads, scratch limbs of each thread, automorphisms. */
#pragma once
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "../core/memory.h"
#include "../core/threads.h"
#include "../format/seal.h"
#include "context.h"

namespace he {

/** 3^step mod 2N moves slots to the left by `step`; step 0 is complex conjugation (SEAL's convention). */
u64 galoisElement(std::size_t step, std::size_t degree) noexcept;
u64 inverseElement(u64 element, std::size_t degree) noexcept;

/**
 * Some limbs of N words in one block, a little more than N words apart, and the first not at the start of a page: with powers of two
 * in between, the same places of many limbs would compete for the same few lines of every cache.
 */
class Limbs {
 public:
  Limbs() noexcept = default;
  Limbs(Pool& pool, std::size_t count, std::size_t degree)
      : block_(pool, words(count, degree)), first_(block_.data() + skew(block_.data())), stride_(degree + gap) {}
  u64* operator[](std::size_t index) const noexcept { return first_ + index * stride_; }
  explicit operator bool() const noexcept { return static_cast<bool>(block_); }
  /** Of memory that `count` limbs take. */
  static constexpr std::size_t words(std::size_t count, std::size_t degree) noexcept { return count * (degree + gap) + page; }

 private:
  friend class PackedLimbs;
  static constexpr std::size_t page = 512, line = 8, gap = 9 * line;
  static std::size_t skew(const u64* block) noexcept {
    return reinterpret_cast<std::uintptr_t>(block) / (2 * page * sizeof(u64)) * 13 * line % page;
  }
  Block block_;
  u64* first_ = nullptr;
  std::size_t stride_ = 0;
};

/** Limbs packed in the width of their primes, by index, some of each prime; apart as those of `Limbs`. */
class PackedLimbs {
 public:
  PackedLimbs() noexcept = default;
  /** @param widths by index @param each limbs of every index */
  PackedLimbs(Pool& pool, std::vector<unsigned> widths, std::size_t each, std::size_t degree)
      : block_(pool, words(widths, each, degree)), widths_(std::move(widths)), degree_(degree) {
    u64* next = block_.data() + Limbs::skew(block_.data());
    for (const unsigned width : widths_) {
      starts_.push_back(next);
      next += each * stride(width, degree);
    }
  }
  u64* at(std::size_t index, std::size_t which = 0) const noexcept { return starts_[index] + which * stride(widths_[index], degree_); }
  unsigned width(std::size_t index) const noexcept { return widths_[index]; }
  explicit operator bool() const noexcept { return static_cast<bool>(block_); }
  /** Of memory that they take. */
  static std::size_t words(const std::vector<unsigned>& widths, std::size_t each, std::size_t degree) noexcept {
    std::size_t sum = Limbs::page;
    for (const unsigned width : widths) sum += each * stride(width, degree);
    return sum;
  }

 private:
  static constexpr std::size_t stride(unsigned width, std::size_t degree) noexcept { return packedWords(width, degree) + Limbs::gap; }
  Block block_;
  std::vector<unsigned> widths_;
  std::size_t degree_ = 0;
  std::vector<u64*> starts_;
};

class Workspace {
 public:
  Workspace(std::shared_ptr<const Context> context, std::size_t memoryLimitBytes, std::size_t threads, Control control);

  const Context& context() const noexcept { return *context_; }
  std::size_t degree() const noexcept { return context_->degree(); }
  Pool& pool() noexcept { return pool_; }
  const Pool& pool() const noexcept { return pool_; }
  Threads& threads() noexcept { return threads_; }

  Limbs limbs(std::size_t count) { return Limbs(pool_, count, degree()); }
  format::Polynomial polynomial(std::size_t limbs) { return {Block(pool_, limbs * degree()), limbs}; }

  /** Scratch limb of a thread: digitLimb(t, d) for the digits of one limb, spareLimb(t, i) for i < spares. */
  u64* digitLimb(std::size_t thread, std::size_t digit) const noexcept { return scratch_[thread * stride_ + digit]; }
  u64* spareLimb(std::size_t thread, std::size_t index) const noexcept {
    return scratch_[(thread + 1) * stride_ - spares + index];
  }
  static constexpr std::size_t spares = 4;

  /** body(item, thread), the last item first: special primes come last and are the widest, and threads that begin with them end together. */
  template <class Body>
  void eachLimb(std::size_t count, const Body& body) {
    threads_.each(count, [&](std::size_t item, std::size_t thread) { body(count - 1 - item, thread); });
  }
  /** body(first, length, thread) over ranges of coefficients. */
  template <class Body>
  void eachRange(const Body& body) {
    const std::size_t length = std::max<std::size_t>(degree() / 32, 64);
    threads_.each(degree() / length, [&](std::size_t item, std::size_t thread) { body(item * length, length, thread); });
  }

  /** Made when first asked for, which must not be inside a loop over items; later calls only look it up. The reference stays valid. */
  const Automorphism& automorphism(u64 element);

 private:
  std::shared_ptr<const Context> context_;
  Pool pool_;
  Threads threads_;
  std::size_t stride_;
  Limbs scratch_;
  std::unordered_map<u64, std::shared_ptr<const Automorphism>> automorphisms_;
};

}  // namespace he
