/**
 * Encoded plaintexts within a bound on memory: as residues of every limb in NTT form (quick; of linear transforms packed), as one integer per coefficient
 * (small, packed), or as slot values that are encoded whenever they are used. Of slots that repeat every P, a power of two, the coefficients
 * are zero but for every (N / 2P)-th, and the residues come in runs of N / 2P equal ones: each is kept once (small and quick).
 */
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

#include "encoder.h"
#include "workspace.h"

namespace he {

/** What is encoded and how it will be used. */
struct PlainRequest {
  const SlotValues* values = nullptr;
  double scale = 1;
  std::size_t level = 0;
  bool extended = false;      // special limbs too: for linear transforms
  bool multiplicand = false;  // for products; otherwise reduced, for sums
};

/** Rounded coefficients, packed. */
struct Integers {
  Block words;
  unsigned width = wordWidth;
};

struct Plain {
  enum class Form : std::uint8_t { zero, constant, limbs, packed, runs, integers, slots };

  Form form = Form::zero;
  PlainRequest request;          // `values` is null, or points to `slots`
  std::vector<u64> constants;    // by limb index, reduced: every coefficient of NTT form
  std::vector<u64> multiplicands;  // the same for products, where the request is for them
  Limbs limbs;                   // by limb index
  PackedLimbs packed;            // the same
  Block runs;                    // by limb index, N / runLength residues each
  std::size_t runLength = 0;
  Integers integers;
  SlotValues slots;
  std::size_t cachedBytes = 0;
};

class Plaintexts {
 public:
  using Handle = std::shared_ptr<const Plain>;

  /** @param expected different plaintexts to come: that many keep room for their small form when others take limbs */
  Plaintexts(Workspace& workspace, std::size_t cacheBytes, std::size_t expected);

  /**
   * Encodes all, in parallel; equal requests share their result, with each other and with those still held from before.
   * @param constants whether one value for all slots may stay a constant (otherwise it becomes limbs)
   * @throws EngineError PLAINTEXT_INVALID if a value is not finite or too large for the modulus
   */
  std::vector<Handle> prepare(std::span<const PlainRequest> requests, bool constants);

  /** The rounded coefficients (form `slots`), in memory of their own. */
  Integers integersOf(const Plain& plain, std::size_t thread);
  /** Residues of one limb, by index, in the requested form. @param integers of the plaintext, packed in a width */
  void expandLimb(const Plain& plain, Packed integers, unsigned width, std::size_t index, u64* dst) const;
  void expandLimb(const Plain& plain, const Integers& integers, std::size_t index, u64* dst) const {
    expandLimb(plain, integers.words.data(), integers.width, index, dst);
  }

  std::size_t cachedBytes() const noexcept { return cached_->load(); }

 private:
  using Key = std::array<u64, 4>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept { return static_cast<std::size_t>(key[0]); }
  };

  void encode(Plain& plain, const SlotValues& values, bool constants, std::size_t thread);
  void encodeConstant(Plain& plain, double value, bool constants);
  std::size_t runLengthOf(const SlotValues& values, const PlainRequest& request) const noexcept;
  double coefficientsOf(double* coefficients, const SlotValues& values, const PlainRequest& request, std::size_t runLength,
                        std::size_t thread) const noexcept;
  std::vector<u64> multiplicandsOf(const Plain& plain) const;
  void checkMagnitude(const PlainRequest& request, double largest) const;
  std::size_t limbBytes(const PlainRequest& request) const noexcept;
  std::size_t limbCount(const PlainRequest& request) const noexcept;
  const Field& fieldAt(const PlainRequest& request, std::size_t index) const noexcept;
  bool reserve(Plain& plain, std::size_t bytes, std::size_t kept) noexcept;
  bool take(Plain& plain, std::size_t bytes) noexcept;

  Workspace& workspace_;
  Encoder encoder_;
  std::size_t limit_;
  std::atomic<std::size_t> expected_;
  std::shared_ptr<std::atomic<std::size_t>> cached_;  // shared with handles, which may be the last to go
  std::unordered_map<Key, std::weak_ptr<const Plain>, KeyHash> known_;
};

}  // namespace he
