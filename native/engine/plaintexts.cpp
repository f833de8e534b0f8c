#include "plaintexts.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "../format/blake2.h"
#include "engine-error.h"
#include "pointwise.h"

namespace he {
namespace {

/** How many of them are different when the slots are taken for as many numbers that repeat: a power of two. */
std::size_t periodOf(const SlotValues& values, std::size_t slots) noexcept {
  if (values.values.size() != slots) return slots;
  const auto repeats = [](const std::vector<double>& numbers, std::size_t period) {
    return numbers.empty() || std::memcmp(numbers.data(), numbers.data() + period, period * sizeof(double)) == 0;
  };
  std::size_t period = slots;
  while (period > 1 && repeats(values.values, period / 2) && repeats(values.imaginary, period / 2)) period /= 2;
  return period;
}

}  // namespace

Plaintexts::Plaintexts(Workspace& workspace, std::size_t cacheBytes, std::size_t expected)
    : workspace_(workspace),
      encoder_(workspace.degree()),
      limit_(cacheBytes),
      expected_(expected),
      cached_(std::make_shared<std::atomic<std::size_t>>(0)) {}

std::size_t Plaintexts::limbCount(const PlainRequest& request) const noexcept {
  return request.extended ? workspace_.context().extendedCount(request.level) : request.level + 1;
}

/** Of residues of every limb, in the form that the request has them in. */
std::size_t Plaintexts::limbBytes(const PlainRequest& request) const noexcept {
  const std::size_t degree = workspace_.degree();
  const std::size_t words = request.extended ? PackedLimbs::words(workspace_.context().packedWidths(request.level), 1, degree)
                                             : Limbs::words(limbCount(request), degree);
  return words * sizeof(u64);
}

const Field& Plaintexts::fieldAt(const PlainRequest& request, std::size_t index) const noexcept {
  return workspace_.context().field(workspace_.context().extendedLimb(request.level, index));
}

/** @param kept bytes that are to remain for others */
bool Plaintexts::reserve(Plain& plain, std::size_t bytes, std::size_t kept) noexcept {
  if (cached_->fetch_add(bytes) + bytes + kept > limit_) {
    cached_->fetch_sub(bytes);
    return false;
  }
  plain.cachedBytes = bytes;
  return true;
}

/** Others have less room then, or none. */
bool Plaintexts::take(Plain& plain, std::size_t bytes) noexcept {
  cached_->fetch_add(bytes);
  plain.cachedBytes = bytes;
  return true;
}

std::vector<Plaintexts::Handle> Plaintexts::prepare(std::span<const PlainRequest> requests, bool constants) {
  const std::size_t slots = encoder_.slotCount();
  std::vector<Key> keys(requests.size());
  workspace_.threads().each(requests.size(), [&](std::size_t i, std::size_t) {
    const PlainRequest& r = requests[i];
    const SlotValues& v = *r.values;
    const bool sparse = !v.positions.empty();
    bool valid = sparse ? v.positions.size() == v.values.size() : v.values.size() == slots || v.values.size() == 1;
    valid = valid && (v.imaginary.empty() || (v.imaginary.size() == v.values.size() && (sparse || v.values.size() == slots)));
    for (const u32 position : v.positions) valid = valid && position < slots;
    if (!valid || r.level > workspace_.context().topLevel()) throw EngineError("INTERNAL", "malformed slot values");
    // Hash of hashes: what the values are and how they are to be encoded.
    Key parts[4];
    const auto hash = [](Key& to, const void* data, std::size_t bytes) {
      format::blake2b({reinterpret_cast<std::uint8_t*>(to.data()), sizeof(Key)}, {static_cast<const std::uint8_t*>(data), bytes});
    };
    hash(parts[0], v.values.data(), v.values.size() * sizeof(double));
    hash(parts[1], v.positions.data(), v.positions.size() * sizeof(u32));
    hash(parts[2], v.imaginary.data(), v.imaginary.size() * sizeof(double));
    parts[3] = {std::bit_cast<u64>(r.scale), r.level, u64{r.extended} + 2 * u64{r.multiplicand} + 4 * u64{constants},
                u64{sparse}};
    hash(keys[i], parts, sizeof parts);
  });

  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  const auto account = cached_;
  const auto release = [account](Plain* plain) {
    account->fetch_sub(plain->cachedBytes);
    delete plain;
  };
  std::vector<Handle> result(requests.size());
  std::vector<std::pair<Plain*, const SlotValues*>> fresh;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto& entry = known_[keys[i]];
    result[i] = entry.lock();
    if (result[i]) continue;
    const std::shared_ptr<Plain> plain(new Plain, release);
    plain->request = requests[i];
    plain->request.values = nullptr;
    fresh.emplace_back(plain.get(), requests[i].values);
    result[i] = plain;
    entry = plain;
  }
  try {
    workspace_.threads().each(fresh.size(), [&](std::size_t i, std::size_t thread) {
      encode(*fresh[i].first, *fresh[i].second, constants, thread);
    });
  } catch (...) {
    // Half-made entries must not be found again.
    for (const Key& key : keys) known_.erase(key);
    throw;
  }
  return result;
}

void Plaintexts::checkMagnitude(const PlainRequest& request, double largest) const {
  if (!std::isfinite(largest)) throw EngineError("PLAINTEXT_INVALID", "a slot value is not finite");
  if (largest > 1 && std::ceil(std::log2(largest)) + 1 >= workspace_.context().modulusBits(request.level)) {
    throw EngineError("PLAINTEXT_INVALID", "slot values at this scale are too large for the modulus");
  }
}

void Plaintexts::encodeConstant(Plain& plain, double value, bool constants) {
  const PlainRequest& request = plain.request;
  const double coefficient = std::round(value * request.scale);
  checkMagnitude(request, std::fabs(coefficient));
  if (coefficient == 0) return;
  const std::size_t degree = workspace_.degree();
  for (std::size_t index = 0; index < limbCount(request); ++index) {
    plain.constants.push_back(Encoder::reduceConstant(coefficient, fieldAt(request, index).modulus()));
  }
  plain.form = Plain::Form::constant;
  if (request.multiplicand) plain.multiplicands = multiplicandsOf(plain);
  if (constants) return;
  const auto& values = request.multiplicand ? plain.multiplicands : plain.constants;
  plain.limbs = workspace_.limbs(limbCount(request));
  for (std::size_t index = 0; index < limbCount(request); ++index) {
    std::fill_n(plain.limbs[index], degree, values[index]);
  }
  plain.form = Plain::Form::limbs;
}

std::vector<u64> Plaintexts::multiplicandsOf(const Plain& plain) const {
  // Fields work on whole vectors.
  alignas(64) std::array<u64, 64> vector;
  std::vector<u64> result;
  for (std::size_t index = 0; index < plain.constants.size(); ++index) {
    vector.fill(plain.constants[index]);
    fieldAt(plain.request, index).toMultiplicand(vector.data(), vector.data(), vector.size());
    result.push_back(vector[0]);
  }
  return result;
}

void Plaintexts::encode(Plain& plain, const SlotValues& values, bool constants, std::size_t thread) {
  const std::size_t degree = workspace_.degree();
  if (values.positions.empty() && values.values.size() == 1 && values.imaginary.empty()) return encodeConstant(plain, values.values[0], constants);

  const PlainRequest& request = plain.request;
  auto* const coefficients = reinterpret_cast<double*>(workspace_.spareLimb(thread, 0));
  const std::size_t runLength = runLengthOf(values, request);
  const double largest = coefficientsOf(coefficients, values, request, runLength, thread);
  checkMagnitude(request, largest);
  if (largest == 0) return;

  const bool large = largest >= Encoder::integerBound;
  std::size_t others = expected_.load();
  while (others != 0 && !expected_.compare_exchange_weak(others, others - 1)) {
  }
  const unsigned width = integerWidth(largest);
  const std::size_t integerWords = packedWords(width, degree), integerBytes = integerWords * sizeof(u64);
  const std::size_t kept = others > 1 ? (others - 1) * integerBytes : 0;
  // In place: integers are of no use where they are too large.
  auto* const integers = reinterpret_cast<u64*>(coefficients);
  const auto makeIntegers = [&] {
    Encoder::round(reinterpret_cast<std::int64_t*>(integers), coefficients, degree);
    packIntegers(integers, width, degree);
  };
  const auto expand = [&](std::size_t index, u64* limb) {
    if (!large) return expandLimb(plain, integers, width, index, limb);
    const Field& field = fieldAt(request, index);
    Encoder::reduceLarge(limb, coefficients, field);
    if (request.multiplicand) field.toMultiplicand(limb, limb, degree);
    field.forward(limb, limb);
  };
  u64* const limb = workspace_.spareLimb(thread, 1);
  // What has no smaller form is kept whether there is room or not.
  const auto keeps = [&](std::size_t bytes, std::size_t keptFree) { return large ? take(plain, bytes) : reserve(plain, bytes, keptFree); };
  if (runLength > 1 && keeps(limbCount(request) * (degree / runLength) * sizeof(u64), 0)) {
    if (!large) makeIntegers();
    const std::size_t count = degree / runLength;
    plain.runs = Block(workspace_.pool(), limbCount(request) * count);
    plain.runLength = runLength;
    plain.form = Plain::Form::runs;
    for (std::size_t index = 0; index < limbCount(request); ++index) {
      expand(index, limb);
      for (std::size_t i = 0; i < count; ++i) plain.runs.data()[index * count + i] = limb[i * runLength];
    }
  } else if (keeps(limbBytes(request), kept)) {
    if (!large) makeIntegers();
    if (request.extended) {
      const Context& context = workspace_.context();
      plain.packed = PackedLimbs(workspace_.pool(), context.packedWidths(request.level), 1, degree);
      plain.form = Plain::Form::packed;
      for (std::size_t index = 0; index < limbCount(request); ++index) {
        expand(index, limb);
        pack(plain.packed.at(index), limb, plain.packed.width(index), degree);
      }
    } else {
      plain.limbs = workspace_.limbs(limbCount(request));
      plain.form = Plain::Form::limbs;
      for (std::size_t index = 0; index < limbCount(request); ++index) expand(index, plain.limbs[index]);
    }
  } else if (reserve(plain, integerBytes, 0)) {
    makeIntegers();
    plain.integers = {Block(workspace_.pool(), integerWords), width};
    plain.form = Plain::Form::integers;
    std::copy_n(integers, integerWords, plain.integers.words.data());
  } else {
    plain.slots = values;
    plain.request.values = &plain.slots;
    plain.form = Plain::Form::slots;
  }
}

/** 1 where it is too short to be of use, or for anything but a linear transform, which expands what it uses. */
std::size_t Plaintexts::runLengthOf(const SlotValues& values, const PlainRequest& request) const noexcept {
  constexpr std::size_t line = 8;
  const std::size_t run = encoder_.slotCount() / periodOf(values, encoder_.slotCount());
  return request.extended && run >= line ? run : 1;
}

/** Not rounded; those that the repetition makes zero are, whatever the transform's rounding left. @returns as the encoder's */
double Plaintexts::coefficientsOf(double* coefficients, const SlotValues& values, const PlainRequest& request,
                                  std::size_t runLength, std::size_t thread) const noexcept {
  const double largest = encoder_.coefficients(coefficients, values, request.scale,
                                               reinterpret_cast<double*>(workspace_.spareLimb(thread, 1)),
                                               reinterpret_cast<double*>(workspace_.spareLimb(thread, 2)));
  for (std::size_t k = 0; runLength > 1 && k < workspace_.degree(); k += runLength) {
    std::fill_n(coefficients + k + 1, runLength - 1, 0.0);
  }
  return largest;
}

Integers Plaintexts::integersOf(const Plain& plain, std::size_t thread) {
  Block block(workspace_.pool(), workspace_.degree());
  auto* const coefficients = reinterpret_cast<double*>(block.data());
  const unsigned width = integerWidth(coefficientsOf(coefficients, plain.slots, plain.request, runLengthOf(plain.slots, plain.request), thread));
  Encoder::round(reinterpret_cast<std::int64_t*>(coefficients), coefficients, workspace_.degree());
  packIntegers(block.data(), width, workspace_.degree());
  return {std::move(block), width};
}

void Plaintexts::expandLimb(const Plain& plain, Packed integers, unsigned width, std::size_t index, u64* dst) const {
  fieldAt(plain.request, index).forwardIntegers(dst, integers, width, plain.request.multiplicand);
}

}  // namespace he
