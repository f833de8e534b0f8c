#include "context.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "../format/blake2.h"

namespace he {
namespace {

constexpr std::size_t maximumPrimes = 64;

u64 multiplyModulo(u64 a, u64 b, u64 q) { return static_cast<u64>(static_cast<unsigned __int128>(a) * b % q); }

/** q is prime. */
u64 invertModulo(u64 a, u64 q) {
  u64 result = 1;
  u64 base = a % q;
  for (u64 exponent = q - 2; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = multiplyModulo(result, base, q);
    base = multiplyModulo(base, base, q);
  }
  return result;
}

u64 negateModulo(u64 a, u64 q) { return a == 0 ? 0 : q - a; }

/** The words that SEAL hashes: scheme (2 is CKKS), degree, moduli, plain modulus (0). */
ParmsId identify(std::size_t degree, std::span<const u64> primes) {
  std::vector<u64> words{2, degree};
  words.insert(words.end(), primes.begin(), primes.end());
  words.push_back(0);
  std::array<std::uint8_t, sizeof(ParmsId)> hash;
  format::blake2b(hash, {reinterpret_cast<const std::uint8_t*>(words.data()), words.size() * sizeof(u64)});
  ParmsId id;
  std::memcpy(id.data(), hash.data(), hash.size());
  return id;
}

void validate(const Parameters& p) {
  const auto fail = [](const std::string& what) { throw std::invalid_argument(what); };
  if (p.degree < 1024 || p.degree > 131072 || (p.degree & (p.degree - 1)) != 0) {
    fail("degree must be a power of two in 1024 ... 131072");
  }
  if (p.dataPrimes.empty()) fail("there must be at least one data prime");
  if (p.specialPrimes.empty()) fail("there must be at least one special prime");
  if (p.dataPrimes.size() + p.specialPrimes.size() > maximumPrimes) fail("too many primes");
  if (p.digits < 1 || p.digits > p.dataPrimes.size()) fail("digits must be in 1 ... number of data primes");
  std::vector<u64> all(p.dataPrimes);
  all.insert(all.end(), p.specialPrimes.begin(), p.specialPrimes.end());
  std::sort(all.begin(), all.end());
  if (std::adjacent_find(all.begin(), all.end()) != all.end()) fail("a prime is repeated");
}

}  // namespace

struct Context::Tables {
  Parameters parameters;
  std::size_t topLevel = 0, specialCount = 0, alpha = 0;
  std::vector<std::shared_ptr<const Field>> fields;
  std::vector<ParmsId> levelIds, keyIds;
  std::vector<std::vector<Digit>> digits;  // [digit][number of its primes in use - 1]
  ModulusDown specialDown;
  std::vector<ModulusDown> rescaleDown, mergedDown;
  std::vector<Reentry> reentry;
  std::vector<Constant> specialProduct;
  std::vector<double> modulusBits;
  ParmsId encapsulationId{};
  Constant encapsulationInverse{};

  u64 prime(std::size_t limb) const { return fields[limb]->modulus(); }

  /** Product of the primes `factors` modulo that of `limb`, without factor number `skip`. */
  u64 product(const std::vector<u32>& factors, std::size_t limb, std::size_t skip = SIZE_MAX) const {
    const u64 q = prime(limb);
    u64 result = 1;
    for (std::size_t i = 0; i < factors.size(); ++i) {
      if (i != skip) result = multiplyModulo(result, prime(factors[i]) % q, q);
    }
    return result;
  }

  void fillConversion(Conversion& conversion, std::vector<u32> from, const std::vector<u32>& targets) const {
    conversion.from = std::move(from);
    const auto& f = conversion.from;
    for (std::size_t i = 0; i < f.size(); ++i) {
      conversion.prepare.push_back(fields[f[i]]->constant(invertModulo(product(f, f[i], i), prime(f[i]))));
      conversion.reciprocals.push_back(1.0 / static_cast<double>(prime(f[i])));
      conversion.bound = std::max(conversion.bound, prime(f[i]));
    }
    conversion.to.resize(fields.size());
    for (const u32 target : targets) {
      auto& constants = conversion.to[target];
      for (std::size_t i = 0; i < f.size(); ++i) constants.push_back(fields[target]->constant(product(f, target, i)));
      constants.push_back(fields[target]->constant(negateModulo(product(f, target), prime(target))));
    }
  }

  ModulusDown makeDown(const std::vector<u32>& dropped, std::size_t kept) const {
    ModulusDown down;
    std::vector<u32> targets;
    for (std::size_t j = 0; j < kept; ++j) targets.push_back(static_cast<u32>(j));
    fillConversion(down, dropped, targets);
    for (std::size_t j = 0; j < kept; ++j) {
      down.inverse.push_back(fields[j]->constant(invertModulo(product(dropped, j), prime(j))));
    }
    return down;
  }

  Digit makeDigit(std::size_t index, std::size_t count) const {
    Digit digit;
    digit.first = static_cast<u32>(index * alpha);
    digit.count = static_cast<u32>(count);
    std::vector<u32> from, targets;
    for (u32 i = 0; i < digit.count; ++i) from.push_back(digit.first + i);
    for (std::size_t j = 0; j < fields.size(); ++j) targets.push_back(static_cast<u32>(j));
    fillConversion(digit, from, targets);
    for (std::size_t i = 0; i < count; ++i) digit.own.push_back(fields[from[i]]->constant(product(from, from[i], i)));
    return digit;
  }

  Reentry makeReentry(std::size_t level, const std::vector<u32>& specials) const {
    Reentry reentry;
    for (std::size_t j = 0; j <= level; ++j) {
      const u64 q = prime(j);
      std::vector<u32> digit;
      for (std::size_t i = j / alpha * alpha; i < std::min((j / alpha + 1) * alpha, level + 1); ++i) {
        digit.push_back(static_cast<u32>(i));
      }
      const u64 others = product(digit, j, j % alpha);
      const u64 scale = invertModulo(multiplyModulo(product(specials, j), others, q), q);
      reentry.scale.push_back(fields[j]->constant(scale));
      auto& to = reentry.to.emplace_back();
      for (std::size_t k = 0; k < specials.size(); ++k) {
        to.push_back(fields[j]->constant(negateModulo(multiplyModulo(product(specials, j, k), scale, q), q)));
      }
      to.push_back(fields[j]->constant(multiplyModulo(product(specials, j), scale, q)));
    }
    return reentry;
  }

  void fill(Path path) {
    const auto& p = parameters;
    topLevel = p.dataPrimes.size() - 1;
    specialCount = p.specialPrimes.size();
    alpha = (p.dataPrimes.size() + p.digits - 1) / p.digits;
    for (const u64 q : p.dataPrimes) fields.push_back(makeField(q, p.degree, path));
    for (const u64 q : p.specialPrimes) fields.push_back(makeField(q, p.degree, path));

    std::vector<u32> specials;
    for (std::size_t k = 0; k < specialCount; ++k) specials.push_back(static_cast<u32>(topLevel + 1 + k));
    double bits = 0;
    for (std::size_t l = 0; l <= topLevel; ++l) {
      std::vector<u64> primes(p.dataPrimes.begin(), p.dataPrimes.begin() + static_cast<std::ptrdiff_t>(l) + 1);
      levelIds.push_back(identify(p.degree, primes));
      primes.insert(primes.end(), p.specialPrimes.begin(), p.specialPrimes.end());
      keyIds.push_back(identify(p.degree, primes));
      bits += std::log2(static_cast<double>(prime(l)));
      modulusBits.push_back(bits);
      specialProduct.push_back(fields[l]->constant(product(specials, l)));
      reentry.push_back(makeReentry(l, specials));
      rescaleDown.push_back(makeDown({static_cast<u32>(l)}, l));
      std::vector<u32> merged(specials);
      merged.push_back(static_cast<u32>(l));
      mergedDown.push_back(makeDown(merged, l));
    }
    specialDown = makeDown(specials, topLevel + 1);
    const std::size_t special = topLevel + 1;
    encapsulationId = identify(p.degree, std::array{prime(0), prime(special)});
    encapsulationInverse = fields[0]->constant(invertModulo(prime(special), prime(0)));
    for (std::size_t d = 0; d * alpha <= topLevel; ++d) {
      auto& lengths = digits.emplace_back();
      for (std::size_t count = 1; count <= std::min(alpha, topLevel + 1 - d * alpha); ++count) {
        lengths.push_back(makeDigit(d, count));
      }
    }
  }
};

std::shared_ptr<const Context> Context::create(const Parameters& parameters, Path path) {
  validate(parameters);
  auto tables = std::make_unique<Tables>();
  tables->parameters = parameters;
  tables->fill(path);
  return std::shared_ptr<const Context>(new Context(std::move(tables)));
}

Context::Context(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
Context::~Context() = default;

const Parameters& Context::parameters() const noexcept { return tables_->parameters; }
std::size_t Context::degree() const noexcept { return tables_->parameters.degree; }
std::size_t Context::topLevel() const noexcept { return tables_->topLevel; }
std::size_t Context::specialCount() const noexcept { return tables_->specialCount; }
std::size_t Context::alpha() const noexcept { return tables_->alpha; }
std::size_t Context::digitsAt(std::size_t level) const noexcept { return level / tables_->alpha + 1; }
const Field& Context::field(std::size_t limb) const noexcept { return *tables_->fields[limb]; }
std::vector<unsigned> Context::packedWidths(std::size_t level) const {
  std::vector<unsigned> widths(extendedCount(level));
  for (std::size_t index = 0; index < widths.size(); ++index) widths[index] = packedWidth(field(extendedLimb(level, index)).modulus());
  return widths;
}
unsigned Context::digitWidth() const noexcept {
  constexpr unsigned widest = 6;
  for (std::size_t j = 0; j <= topLevel(); ++j) {
    if (packedWidth(field(j).modulus()) > widest) return wordWidth;
  }
  return widest;
}
bool Context::sealShaped() const noexcept { return tables_->alpha == 1 && tables_->specialCount == 1; }
const ParmsId& Context::levelId(std::size_t level) const noexcept { return tables_->levelIds[level]; }
const ParmsId& Context::keyId(std::size_t level) const noexcept { return tables_->keyIds[level]; }

const Digit& Context::digit(std::size_t level, std::size_t index) const noexcept {
  const std::size_t count = std::min(tables_->alpha, level + 1 - index * tables_->alpha);
  return tables_->digits[index][count - 1];
}
const ModulusDown& Context::specialDown() const noexcept { return tables_->specialDown; }
const ModulusDown& Context::rescaleDown(std::size_t level) const noexcept { return tables_->rescaleDown[level]; }
const ModulusDown& Context::mergedDown(std::size_t level) const noexcept { return tables_->mergedDown[level]; }
const Reentry& Context::reentry(std::size_t level) const noexcept { return tables_->reentry[level]; }
const Constant& Context::specialProduct(std::size_t limb) const noexcept { return tables_->specialProduct[limb]; }
const ParmsId& Context::encapsulationId() const noexcept { return tables_->encapsulationId; }
const Constant& Context::encapsulationInverse() const noexcept { return tables_->encapsulationInverse; }
double Context::modulusBits(std::size_t level) const noexcept { return tables_->modulusBits[level]; }

}  // namespace he
