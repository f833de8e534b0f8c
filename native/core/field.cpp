// Fields: choice of a path, tables, and the thin class that hands calls on to the path's functions.
#include <algorithm>
#include <bit>
#include <new>
#include <stdexcept>
#include <string>

#include "cpu.h"
#include "kernel-table.h"
#include "modular.h"
#include "number-theory.h"

namespace he {

Field::~Field() = default;

namespace {

struct Release {
  void operator()(u64* p) const noexcept { ::operator delete(p, std::align_val_t{4096}); }
};
using Table = std::unique_ptr<u64[], Release>;

Table makeTable(std::size_t words) {
  return Table(static_cast<u64*>(::operator new(words * sizeof(u64), std::align_val_t{4096})));
}

/** As a path multiplies with a root: what stands beside it in the table, or in place of it. */
Constant rootForm(const FieldData& f, RootForm form, u64 w) noexcept {
  const u64 q = f.modulus;
  switch (form) {
    case RootForm::shoup: return {w, modular::quotient(w, f.shift, q)};
    case RootForm::halved: return {w, modular::quotient(w, f.shift - 1, q)};
    case RootForm::montgomery: {
      const u64 value = modular::multiply(w, f.radix.value, q);
      return {value, (value * f.inverseOfWord) & ((u64{1} << f.shift) - 1)};
    }
    case RootForm::floating: {
      const double centred = w > q / 2 ? -static_cast<double>(q - w) : static_cast<double>(w);
      return {std::bit_cast<u64>(centred), std::bit_cast<u64>(centred / static_cast<double>(q))};
    }
  }
  return {};
}

void fillRoots(const FieldData& f, RootForm form, u64 root, u64* value, u64* quotient) noexcept {
  const u64 step = modular::quotient(root, 64, f.modulus);
  u64 power = 1;
  for (std::size_t i = 0; i < f.degree; i++) {
    const std::size_t at = modular::reverseBits(i, f.logDegree);
    const Constant entry = rootForm(f, form, power);
    value[at] = entry.value;
    quotient[at] = entry.quotient;
    power = power * root - modular::high(power, step) * f.modulus;
    if (power >= f.modulus) power -= f.modulus;
  }
}

/** Some terms of a sum over a range of places: as many as are unpacked at a time. */
struct Part {
  static constexpr std::size_t most = 8, places = 256;
  std::size_t term, terms, start, length;
};

/** One number for every place, packed, or one for a run of them. */
struct Operands {
  const u64* const* at;
  unsigned width = wordWidth;
  unsigned logRun = 0;
};

/** Operands of a part as words: where they are, or unpacked to the first-level cache. */
struct PartOperands {
  PartOperands(const Operands& operands, const Part& part) noexcept {
    for (std::size_t t = 0; t < part.terms; t++) {
      const u64* const from = operands.at[part.term + t];
      words[t] = buffer[t];
      if (operands.logRun != 0) {
        for (std::size_t i = 0; i < part.length; i++) buffer[t][i] = from[(part.start + i) >> operands.logRun];
      } else if (operands.width != wordWidth) {
        unpack(buffer[t], from + packedWords(operands.width, part.start), operands.width, part.length);
      } else {
        words[t] = from + part.start;
      }
    }
  }
  alignas(64) u64 buffer[Part::most][Part::places];
  const u64* words[Part::most];
};

class TableField final : public Field {
 public:
  TableField(u64 modulus, std::size_t degree, const KernelTable& kernels) : k(kernels), tables(makeTable(4 * degree)) {
    f.modulus = modulus;
    f.degree = degree;
    f.logDegree = static_cast<unsigned>(std::countr_zero(degree));
    f.shift = k.shift;
    f.inverseOfWord = modular::inverseOfWord(modulus);
    f.barrett = modular::quotient(1, 64, modulus);
    const u64 radix = modular::power(2, f.shift, modulus);
    f.radix = constant(radix);
    f.radixInverse = constant(modular::inverse(radix, modulus));
    const u64 root = smallestRoot(modulus, degree), inverseRoot = modular::inverse(root, modulus);
    u64* t = tables.get();
    f.forward = {t, t + degree};
    f.inverse = {t + 2 * degree, t + 3 * degree};
    fillRoots(f, k.forwardRoots, root, t, t + degree);
    fillRoots(f, k.inverseRoots, inverseRoot, t + 2 * degree, t + 3 * degree);
    const u64 overDegree = modular::inverse(degree % modulus, modulus);
    f.inverseDegree = constant(overDegree);
    f.inverseDegreeRoot = constant(modular::multiply(overDegree, modular::power(inverseRoot, degree / 2, modulus), modulus));
  }

  u64 modulus() const noexcept override { return f.modulus; }
  std::size_t degree() const noexcept override { return f.degree; }
  Path path() const noexcept override { return k.path; }
  Constant constant(u64 value) const noexcept override {
    value %= f.modulus;
    return {value, modular::quotient(value, f.shift, f.modulus)};
  }

  void forward(u64* dst, const u64* src) const noexcept override { k.forward(f, dst, src); }
  void forwardLazy(u64* dst, const u64* src, u64 sourceModulus) const noexcept override {
    k.forwardLazy(f, dst, src, sourceModulus);
  }
  void forwardIntegers(u64* dst, Packed src, unsigned width, bool multiplicand) const noexcept override {
    const bool scaled = multiplicand && k.montgomeryMultiplicands;
    if (k.forwardPacked != nullptr && width != wordWidth) {
      return k.forwardPacked(f, dst, src, width, f.modulus - integerOffset(width) % f.modulus, scaled ? f.radix : constant(1));
    }
    unpack(dst, src, width, f.degree);
    constexpr u64 bound = u64{1} << 58;
    const u64 multiple = (bound / f.modulus + 1) * f.modulus;
    for (std::size_t i = 0; i < f.degree; i++) dst[i] += multiple - integerOffset(width);
    k.reduce(f, dst, dst, multiple + bound, f.degree);
    if (scaled) k.scale(f, dst, dst, f.radix, f.degree);
    k.forward(f, dst, dst);
  }
  void forwardPackedLazy(u64* dst, Packed src, unsigned width, Constant c) const noexcept override {
    if (k.forwardPacked != nullptr && width != wordWidth) return k.forwardPacked(f, dst, src, width, 0, c);
    unpack(dst, src, width, f.degree);
    k.scale(f, dst, dst, c, f.degree);
    k.forwardLazy(f, dst, dst, f.modulus);
  }
  void inverse(u64* dst, const u64* src, Constant scale) const noexcept override {
    if (scale.value == 1) {
      const Constant last[2] = {f.inverseDegree, f.inverseDegreeRoot};
      k.inverse(f, dst, src, last);
      return;
    }
    const Constant last[2] = {constant(modular::multiply(f.inverseDegree.value, scale.value, f.modulus)),
                              constant(modular::multiply(f.inverseDegreeRoot.value, scale.value, f.modulus))};
    k.inverse(f, dst, src, last);
  }
  void add(u64* dst, const u64* a, const u64* b, std::size_t n) const noexcept override { k.add(f, dst, a, b, n); }
  void subtract(u64* dst, const u64* a, const u64* b, std::size_t n) const noexcept override { k.subtract(f, dst, a, b, n); }
  void negate(u64* dst, const u64* a, std::size_t n) const noexcept override { k.negate(f, dst, a, n); }
  void multiply(u64* dst, const u64* a, const u64* b, std::size_t n) const noexcept override { k.multiply(f, dst, a, b, n); }
  void scale(u64* dst, const u64* a, Constant c, std::size_t n) const noexcept override { k.scale(f, dst, a, c, n); }
  void scaleAdd(u64* dst, const u64* a, Constant c, std::size_t n) const noexcept override { k.scaleAdd(f, dst, a, c, n); }
  void reduce(u64* dst, const u64* a, u64 sourceModulus, std::size_t n) const noexcept override {
    k.reduce(f, dst, a, sourceModulus, n);
  }
  void toMultiplicand(u64* dst, const u64* a, std::size_t n) const noexcept override {
    k.scale(f, dst, a, k.montgomeryMultiplicands ? f.radix : constant(1), n);
  }
  void fromMultiplicand(u64* dst, const u64* a, std::size_t n) const noexcept override {
    k.scale(f, dst, a, k.montgomeryMultiplicands ? f.radixInverse : constant(1), n);
  }
  void multiplyAccumulate(u64* dst0, u64* dst1, const u64* const* x, const u64* const* y0, const u64* const* y1,
                          std::size_t terms, bool add, std::size_t n) const noexcept override {
    k.multiplyAccumulate(f, dst0, dst1, x, y0, y1, terms, add, n);
  }
  void multiplyPackedKeys(u64* dst0, u64* dst1, const u64* const* x, const Packed* y0, const Packed* y1, std::size_t terms, bool add,
                          std::size_t n) const noexcept override {
    const unsigned width = packedWidth(f.modulus);
    if (width == wordWidth) return k.multiplyAccumulate(f, dst0, dst1, x, y0, y1, terms, add, n);
    if (k.multiplyPackedKeys == nullptr) return sumParts(dst0, dst1, {x}, {y0, width}, {y1, width}, terms, add, n);
    k.multiplyPackedKeys[width - narrowest](f, dst0, dst1, x, y0, y1, terms, add, n);
  }
  void multiplyPackedPlaintexts(u64* dst0, u64* dst1, const Packed* x, const u64* const* y0, const u64* const* y1, std::size_t terms,
                                bool add, std::size_t n) const noexcept override {
    const unsigned width = packedWidth(f.modulus);
    if (width == wordWidth) return k.multiplyAccumulate(f, dst0, dst1, x, y0, y1, terms, add, n);
    if (k.multiplyPackedPlaintexts == nullptr) return sumParts(dst0, dst1, {x, width}, {y0}, {y1}, terms, add, n);
    k.multiplyPackedPlaintexts[width - narrowest](f, dst0, dst1, x, y0, y1, terms, add, n);
  }
  void multiplyRuns(u64* dst0, u64* dst1, const u64* const* x, unsigned logRun, const u64* const* y0, const u64* const* y1, std::size_t terms,
                    bool add, std::size_t n) const noexcept override {
    if (k.multiplyRuns == nullptr) return sumParts(dst0, dst1, {.at = x, .logRun = logRun}, {y0}, {y1}, terms, add, n);
    k.multiplyRuns(f, dst0, dst1, x, logRun, y0, y1, terms, add, n);
  }
  void convert(u64* dst, const u64* const* y, const Constant* c, std::size_t count, std::size_t n, u64 bound) const noexcept override {
    k.convert(f, dst, y, c, count, bound, n);
  }
  void convertForwardLazy(u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64 bound) const noexcept override {
    k.convertForwardLazy(f, dst, y, c, count, bound);
  }
  void convertPackedForwardLazy(u64* dst, const Packed* y, unsigned width, const std::uint8_t* bytes, const Constant* c, std::size_t count,
                                u64 bound) const noexcept override {
    if (k.convertPackedForwardLazy != nullptr && width == widest) return k.convertPackedForwardLazy(f, dst, y, bytes, c, count);
    constexpr std::size_t places = 128, mostInputs = 64;
    alignas(64) u64 buffer[mostInputs][places];
    const u64* inputs[mostInputs];
    for (std::size_t start = 0; start < f.degree; start += places) {
      for (std::size_t i = 0; i < count; i++) {
        inputs[i] = y[i] + packedWords(width, start);
        if (width == wordWidth) continue;
        unpack(buffer[i], inputs[i], width, places);
        inputs[i] = buffer[i];
      }
      std::copy_n(bytes + start, places, buffer[count]);
      inputs[count] = buffer[count];
      k.convert(f, dst + start, inputs, c, count + 1, bound, places);
    }
    k.forwardLazy(f, dst, dst, f.modulus);
  }
  void subtractScale(u64* dst, const u64* a, const u64* b, Constant c, std::size_t n) const noexcept override {
    k.subtractScale(f, dst, a, b, c, n);
  }
  void subtractScaleAdd(u64* dst, const u64* a, const u64* b, Constant c, const u64* addend,
                        const Automorphism* automorphism) const noexcept override {
    k.subtractScaleAdd(f, dst, a, b, c, addend, automorphism);
  }

  const KernelTable& k;
  FieldData f;

 private:
  /** With kernels that know words only. */
  void sumParts(u64* dst0, u64* dst1, const Operands& x, const Operands& y0, const Operands& y1, std::size_t terms, bool add,
                std::size_t n) const noexcept {
    for (std::size_t start = 0; start < n; start += Part::places) {
      for (std::size_t term = 0; term < terms; term += Part::most) {
        const Part part{term, std::min(Part::most, terms - term), start, std::min(Part::places, n - start)};
        const PartOperands own(x, part), first(y0, part), second(y1, part);
        k.multiplyAccumulate(f, dst0 + start, dst1 + start, own.words, first.words, second.words, part.terms, add || term != 0, part.length);
      }
    }
  }

  static constexpr unsigned narrowest = 4, widest = 6;  // of what is packed
  Table tables;
};

bool covers(Path path, u64 modulus) noexcept {
  constexpr u64 ifmaBound = u64{1} << 50, avx2Bound = u64{1} << 47;
  if (path == Path::ifma) return modulus < ifmaBound;
  if (path == Path::avx2) return modulus < avx2Bound;
  return true;
}

#if defined(__x86_64__)
/** The AVX-512 path with the transforms that IFMA makes faster. */
const KernelTable& wideKernels() noexcept {
  static const KernelTable kernels = [] {
    KernelTable k = avx512Kernels;
    k.forwardRoots = k.inverseRoots = RootForm::shoup;
    k.forward = ifmaWideTransforms.forward;
    k.forwardLazy = ifmaWideTransforms.forwardLazy;
    k.inverse = ifmaWideTransforms.inverse;
    k.convertForwardLazy = ifmaWideTransforms.convertForwardLazy;
    return k;
  }();
  return kernels;
}
#endif

/** `forced`: by its name, so that only its own instructions are used. */
const KernelTable& kernelsFor(Path path, bool forced, u64 modulus, std::size_t degree) noexcept {
  switch (path) {
#if defined(__x86_64__)
    case Path::avx2: return avx2Kernels;
    case Path::avx512: return !forced && machineHas(Path::ifma) ? wideKernels() : avx512Kernels;
    case Path::ifma: return ifmaNeverReduces(modulus, degree) ? ifmaLazyKernels : ifmaKernels;
#elif defined(__aarch64__)
    case Path::neon: return neonKernels;
#endif
    default: break;
  }
  static_cast<void>(forced), static_cast<void>(modulus), static_cast<void>(degree);
  return scalarKernels;
}

/** The path itself or the next slower one of the machine. */
Path choose(Path wanted, u64 modulus) noexcept {
  constexpr Path fastestFirst[] = {Path::ifma, Path::avx512, Path::avx2, Path::neon, Path::scalar};
  bool reached = wanted == Path::automatic;
  for (const Path path : fastestFirst) {
    reached = reached || path == wanted;
    if (reached && supports(path, modulus)) return path;
  }
  return Path::scalar;
}

}  // namespace

bool supports(Path path, u64 modulus) noexcept { return machineHas(path) && covers(path, modulus); }

std::shared_ptr<const Field> makeField(u64 modulus, std::size_t degree, Path path) {
  constexpr std::size_t smallest = 1024, largest = 131072;
  if (!std::has_single_bit(degree) || degree < smallest || degree > largest)
    throw std::invalid_argument("degree " + std::to_string(degree) + " is not a power of two in 1024 ... 131072");
  const std::string name = "modulus " + std::to_string(modulus);
  if (modulus >= u64{1} << 60) throw std::invalid_argument(name + " is not below 2^60");
  if (modulus % (2 * degree) != 1) throw std::invalid_argument(name + " is not 1 mod " + std::to_string(2 * degree));
  if (!isPrime(modulus)) throw std::invalid_argument(name + " is not prime");
  return std::make_shared<TableField>(modulus, degree, kernelsFor(choose(path, modulus), path == Path::avx512, modulus, degree));
}

// Permutations run on the field's path where there is a field; the one without asks the machine.
void permute(const Automorphism& automorphism, u64* dst, const u64* src) noexcept {
  static const KernelTable& kernels = kernelsFor(choose(Path::automatic, ~u64{0}), false, ~u64{0}, 0);
  kernels.permute(automorphism, dst, src);
}

void permuteAdd(const Automorphism& automorphism, const Field& field, u64* dst, const u64* src, const u64* addend) noexcept {
  const TableField& own = static_cast<const TableField&>(field);
  own.k.permuteAdd(own.f, automorphism, dst, src, addend);
}

}  // namespace he
