// The scalar path against definitions in 128-bit arithmetic, and every path that this machine has against the scalar one.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "../core/kernels.h"
#include "../core/modular.h"
#include "core-check.h"

namespace he::test {
namespace {

using Pointers = std::vector<const u64*>;

struct Named {
  Path path;
  const char* name;
};
constexpr Named vectorPaths[] = {{Path::avx2, "avx2"}, {Path::avx512, "avx512"}, {Path::ifma, "ifma"}, {Path::neon, "neon"}};

u64 times(u64 a, u64 b, u64 q) { return modular::multiply(a, b, q); }

/** Negacyclic product by the schoolbook. */
Words schoolbook(const Words& a, const Words& b, u64 q) {
  const std::size_t n = a.size();
  Words c(n);
  for (std::size_t i = 0; i < n; i++)
    for (std::size_t j = 0; j < n; j++) {
      const u64 p = times(a[i], b[j], q);
      u64& at = c[(i + j) % n];
      at = i + j < n ? (at + p) % q : (at + q - p) % q;
    }
  return c;
}

void testScalarTransform(unsigned bits, std::size_t degree) {
  const u64 q = primeBelow(bits, degree);
  const std::string name = "scalar, " + std::to_string(bits) + " bits, N=" + std::to_string(degree);
  const auto field = makeField(q, degree, Path::scalar);
  check(field->path() == Path::scalar && field->modulus() == q && field->degree() == degree, name + ": describes itself");
  Random random(bits + degree);
  const Words a = values(Pattern::random, degree, q, random);
  Words b(degree), c(degree);
  field->forward(b.data(), a.data());
  const u64 root = smallestRoot(q, degree);
  check(modular::power(root, degree, q) == q - 1, name + ": primitive root");
  unsigned log = 0;
  while ((std::size_t{1} << log) < degree) log++;
  bool defined = true;
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{2}, degree / 3, degree / 2, degree - 1}) {
    const u64 point = modular::power(root, 2 * modular::reverseBits(i, log) + 1, q);
    u64 sum = 0;
    for (std::size_t j = degree; j-- > 0;) sum = (times(sum, point, q) + a[j]) % q;
    defined = defined && sum == b[i];
  }
  check(defined, name + ": forward transform evaluates at the odd powers of the root, in bit-reversed order");
  field->inverse(c.data(), b.data(), field->constant(1));
  check(c == a, name + ": inverse");
}

void testSmallestRoot() {
  const u64 q = primeBelow(40, 1024), root = smallestRoot(q, 1024);
  bool smallest = true;
  for (u64 e = 1; e < 2048; e += 2) smallest = smallest && modular::power(root, e, q) >= root;
  check(smallest, "the root is the smallest of the primitive ones");
}

void testScalarProduct(unsigned bits) {
  const std::size_t degree = 1024;
  const u64 q = primeBelow(bits, degree);
  const auto field = makeField(q, degree, Path::scalar);
  Random random(bits);
  for (const Pattern pattern : {Pattern::random, Pattern::largest}) {
    const Words a = values(pattern, degree, q, random), b = values(pattern, degree, q, random);
    Words x(degree), y(degree);
    field->forward(x.data(), a.data());
    field->forward(y.data(), b.data());
    field->multiply(x.data(), x.data(), y.data(), degree);
    field->inverse(x.data(), x.data(), field->constant(1));
    check(x == schoolbook(a, b, q), "scalar product of polynomials, " + std::to_string(bits) + " bits");
  }
}

/** The pointwise operations by their definitions; also run on the vector paths. */
void testPointwise(const Field& field, const std::string& name, Pattern pattern, std::size_t n) {
  const u64 q = field.modulus();
  Random random(q ^ n);
  const Words a = values(pattern, n, q, random), b = values(Pattern::edges, n, q, random), before = values(pattern, n, q, random);
  Words r(n);
  const auto compare = [&](const char* what, auto&& expected) {
    bool same = true;
    for (std::size_t i = 0; i < n; i++) same = same && r[i] == expected(i);
    check(same, name + ": " + what);
  };
  field.add(r.data(), a.data(), b.data(), n);
  compare("add", [&](std::size_t i) { return (a[i] + b[i]) % q; });
  field.subtract(r.data(), a.data(), b.data(), n);
  compare("subtract", [&](std::size_t i) { return (a[i] + q - b[i]) % q; });
  field.negate(r.data(), a.data(), n);
  compare("negate", [&](std::size_t i) { return (q - a[i]) % q; });
  field.multiply(r.data(), a.data(), b.data(), n);
  compare("multiply", [&](std::size_t i) { return times(a[i], b[i], q); });
  for (const u64 c : {u64{0}, u64{1}, q / 2, q - 1, random.below(q)}) {
    field.scale(r.data(), a.data(), field.constant(c), n);
    compare("scale", [&](std::size_t i) { return times(a[i], c, q); });
    for (std::size_t i = 0; i < n; i++) r[i] = before[i];
    field.scaleAdd(r.data(), a.data(), field.constant(c), n);
    compare("scaleAdd", [&](std::size_t i) { return (before[i] + times(a[i], c, q)) % q; });
    field.subtractScale(r.data(), a.data(), b.data(), field.constant(c), n);
    compare("subtractScale", [&](std::size_t i) { return times((a[i] + q - b[i]) % q, c, q); });
  }
  for (const u64 source : {q, 2 * q, 4 * q, u64{1} << 47, u64{1} << 50, (u64{1} << 52) - 5, u64{1} << 60}) {
    if (source > u64{1} << 60) continue;
    const Words wide = values(pattern, n, source, random);
    field.reduce(r.data(), wide.data(), source, n);
    compare("reduce", [&](std::size_t i) { return wide[i] % q; });
  }
  field.toMultiplicand(r.data(), a.data(), n);
  field.fromMultiplicand(r.data(), r.data(), n);
  compare("multiplicand and back", [&](std::size_t i) { return a[i]; });
}

std::vector<Words> packAll(const Pointers& operands, unsigned width, std::size_t n) {
  std::vector<Words> packed;
  for (const u64* operand : operands) pack(packed.emplace_back(packedWords(width, n)).data(), operand, width, n);
  return packed;
}

Pointers pointersTo(const std::vector<Words>& list) {
  Pointers p;
  for (const Words& w : list) p.push_back(w.data());
  return p;
}

/** The sum of packed multiplicands is that of the same as words. */
void testPackedSum(const Field& field, const std::string& name, bool plaintexts, const std::array<Pointers, 3>& operands, bool add,
                   const Words& start0, const Words& start1, const Words& expected0, const Words& expected1) {
  const std::size_t n = start0.size(), terms = operands[0].size();
  const unsigned width = packedWidth(field.modulus());
  Words d0 = start0, d1 = start1, back(n);
  if (plaintexts) {
    const auto x = packAll(operands[0], width, n);
    unpack(back.data(), x[0].data(), width, n);
    check(std::equal(back.data(), back.data() + n, operands[0][0]), name + ": packed and back");
    field.multiplyPackedPlaintexts(d0.data(), d1.data(), pointersTo(x).data(), operands[1].data(), operands[2].data(), terms, add, n);
  } else {
    const auto y0 = packAll(operands[1], width, n), y1 = packAll(operands[2], width, n);
    field.multiplyPackedKeys(d0.data(), d1.data(), operands[0].data(), pointersTo(y0).data(), pointersTo(y1).data(), terms, add, n);
  }
  check(d0 == expected0 && d1 == expected1,
        name + ": packed " + (plaintexts ? "plaintexts, " : "keys, ") + std::to_string(terms) + " terms" + (add ? ", added" : ""));
}

/** The sum of multiplicands that are equal in runs, given once for each, is that of all of them. */
void testRuns(const Field& field, const std::string& name, std::size_t terms, std::size_t n) {
  Random random(field.modulus() + n);
  for (const unsigned logRun : {3u, 4u, 8u, 17u}) {
    std::vector<Words> once, spread, y0, y1;
    for (std::size_t t = 0; t < terms; t++) {
      once.push_back(values(t % 2 ? Pattern::largest : Pattern::random, ((n - 1) >> logRun) + 1, field.modulus(), random));
      Words& all = spread.emplace_back(n);
      for (std::size_t i = 0; i < n; i++) all[i] = once.back()[i >> logRun];
      y0.push_back(values(Pattern::random, n, field.modulus(), random));
      y1.push_back(values(Pattern::edges, n, field.modulus(), random));
    }
    for (const bool add : {false, true}) {
      Words d0 = values(Pattern::random, n, field.modulus(), random), d1 = d0, e0 = d0, e1 = d1;
      const Pointers p0 = pointersTo(y0), p1 = pointersTo(y1);
      field.multiplyRuns(d0.data(), d1.data(), pointersTo(once).data(), logRun, p0.data(), p1.data(), terms, add, n);
      field.multiplyAccumulate(e0.data(), e1.data(), pointersTo(spread).data(), p0.data(), p1.data(), terms, add, n);
      check(d0 == e0 && d1 == e1, name + ": multiplyRuns of 2^" + std::to_string(logRun) + ", " + std::to_string(terms) + " terms");
    }
  }
}

void testIntegers(const Field& field, const std::string& name) {
  const std::size_t n = field.degree();
  const u64 q = field.modulus();
  Random random(n + q);
  for (const unsigned bits : {4u, 30u, 31u, 38u, 39u, 47u, 57u, 58u}) {
    // The largest magnitude that a width takes, of both signs, and some of all sizes below.
    const std::int64_t most = (std::int64_t{1} << bits) - 1;
    const unsigned width = integerWidth(static_cast<double>(most));
    check(width == (bits <= 31 ? 4 : bits <= 39 ? 5 : bits <= 47 ? 6 : 8), "width of integers of " + std::to_string(bits) + " bits");
    Words packed(n), residues(n), expected(n), r(n);
    for (std::size_t i = 0; i < n; i++) {
      const auto magnitude = static_cast<std::int64_t>(i % 5 == 0 ? static_cast<u64>(most) : random.below(static_cast<u64>(most) + 1) >> (i % bits));
      const std::int64_t value = i % 2 ? -magnitude : magnitude;
      packed[i] = static_cast<u64>(value);
      const u64 rest = static_cast<u64>(magnitude) % q;
      residues[i] = value < 0 && rest != 0 ? q - rest : rest;
    }
    packIntegers(packed.data(), width, n);
    field.forward(expected.data(), residues.data());
    field.forwardIntegers(r.data(), packed.data(), width, false);
    check(r == expected, name + ": forwardIntegers of " + std::to_string(bits) + " bits");
    field.toMultiplicand(expected.data(), expected.data(), n);
    field.forwardIntegers(r.data(), packed.data(), width, true);
    check(r == expected, name + ": forwardIntegers of " + std::to_string(bits) + " bits, as multiplicands");
  }
}

/** What a lazy limb stands for, through both kinds of uses of it. */
void checkLazy(const Field& field, const Words& lazy, const Words& expected, const std::string& what) {
  const std::size_t n = lazy.size();
  Words one(n), clear(n), zero(n);
  for (std::size_t i = 0; i < n; i++) one[i] = 1;
  field.toMultiplicand(one.data(), one.data(), n);
  const u64 *xs[] = {lazy.data()}, *ys[] = {one.data()};
  field.multiplyAccumulate(clear.data(), nullptr, xs, ys, nullptr, 1, false, n);
  check(clear == expected, what + ", multiplied");
  field.subtractScale(clear.data(), zero.data(), lazy.data(), field.constant(field.modulus() - 1), n);
  check(clear == expected, what + ", subtracted");
}

/** Conversion of packed inputs and bytes, and the forward transform of a packed limb, are those of words. */
void testPackedInputs(const Field& field, const std::string& name, std::size_t count) {
  const std::size_t n = field.degree();
  const u64 q = field.modulus();
  Random random(q + count);
  std::vector<Constant> c;
  for (std::size_t i = 0; i <= count; i++) c.push_back(field.constant(i % 2 ? q - 1 - i : random.below(q)));
  for (const unsigned bits : {47u, 48u, 60u}) {
    const unsigned width = bits == 60 ? wordWidth : 6;
    std::vector<Words> y, packed;
    for (std::size_t i = 0; i < count; i++) {
      y.push_back(values(i % 2 ? Pattern::random : Pattern::largest, n, u64{1} << bits, random));
      pack(packed.emplace_back(n).data(), y.back().data(), width, n);
    }
    std::vector<std::uint8_t> bytes(n);
    Words& last = y.emplace_back(n);
    for (std::size_t i = 0; i < n; i++) last[i] = bytes[i] = static_cast<std::uint8_t>(random.below(256));
    Words expected(n), r(n);
    field.convert(expected.data(), pointersTo(y).data(), c.data(), count + 1, n, u64{1} << bits);
    field.forward(expected.data(), expected.data());
    field.convertPackedForwardLazy(r.data(), pointersTo(packed).data(), width, bytes.data(), c.data(), count, u64{1} << bits);
    checkLazy(field, r, expected, name + ": convertPackedForwardLazy of " + std::to_string(count) + " below 2^" + std::to_string(bits));
  }
  const Words a = values(Pattern::edges, n, q, random);
  Words packed(n), expected(n), r(n);
  pack(packed.data(), a.data(), packedWidth(q), n);
  field.scale(expected.data(), a.data(), c[0], n);
  field.forward(expected.data(), expected.data());
  field.forwardPackedLazy(r.data(), packed.data(), packedWidth(q), c[0]);
  checkLazy(field, r, expected, name + ": forwardPackedLazy");
}

void testSums(const Field& field, const std::string& name, std::size_t terms, std::size_t n, Pattern pattern) {
  const u64 q = field.modulus();
  Random random(q + terms);
  std::vector<Words> x, y0, y1, m, m0, m1;
  for (std::size_t t = 0; t < terms; t++) {
    x.push_back(values(pattern, n, q, random));
    y0.push_back(values(t % 2 ? Pattern::edges : pattern, n, q, random));
    y1.push_back(values(pattern, n, q, random));
    for (auto* list : {&m, &m0, &m1}) list->emplace_back(n);
    field.toMultiplicand(m.back().data(), x.back().data(), n);
    field.toMultiplicand(m0.back().data(), y0.back().data(), n);
    field.toMultiplicand(m1.back().data(), y1.back().data(), n);
  }
  const Words start0 = values(pattern, n, q, random), start1 = values(pattern, n, q, random);
  for (const bool add : {false, true})
    for (const bool swapped : {false, true})
      for (const bool both : {true, false}) {
        Words d0 = start0, d1 = start1;
        const Pointers px = pointersTo(swapped ? m : x), p0 = pointersTo(swapped ? y0 : m0), p1 = pointersTo(swapped ? y1 : m1);
        field.multiplyAccumulate(d0.data(), both ? d1.data() : nullptr, px.data(), p0.data(), both ? p1.data() : nullptr, terms, add, n);
        bool same = true;
        for (std::size_t i = 0; i < n; i++) {
          u64 s0 = add ? start0[i] : 0, s1 = add ? start1[i] : 0;
          for (std::size_t t = 0; t < terms; t++) {
            s0 = (s0 + times(x[t][i], y0[t][i], q)) % q;
            s1 = (s1 + times(x[t][i], y1[t][i], q)) % q;
          }
          same = same && d0[i] == s0 && d1[i] == (both ? s1 : start1[i]);
        }
        check(same, name + ": multiplyAccumulate, " + std::to_string(terms) + " terms" + (add ? ", added" : "") + (swapped ? ", swapped" : ""));
        if (both) testPackedSum(field, name, swapped, {px, p0, p1}, add, start0, start1, d0, d1);
      }
}

void testConversion(const Field& field, const std::string& name, std::size_t count, u64 bound, std::size_t n) {
  const u64 q = field.modulus();
  Random random(q + count + bound);
  for (const Pattern pattern : {Pattern::random, Pattern::largest, Pattern::edges}) {
    std::vector<Words> y;
    Pointers p;
    std::vector<Constant> c;
    std::vector<u64> plain;
    for (std::size_t i = 0; i < count; i++) {
      y.push_back(values(pattern, n, bound, random));
      plain.push_back(pattern == Pattern::random ? random.below(q) : q - 1 - i);
      c.push_back(field.constant(plain.back()));
    }
    for (const Words& w : y) p.push_back(w.data());
    Words d(n);
    field.convert(d.data(), p.data(), c.data(), count, n, bound);
    bool same = true;
    for (std::size_t i = 0; i < n; i++) {
      u64 s = 0;
      for (std::size_t t = 0; t < count; t++) s = (s + times(y[t][i] % q, plain[t], q)) % q;
      same = same && d[i] == s;
    }
    check(same, name + ": convert " + std::to_string(count) + " below " + std::to_string(bound));
    if (n != field.degree()) continue;
    Words lazy(n), one(n), clear(n);
    field.convertForwardLazy(lazy.data(), p.data(), c.data(), count, bound);
    field.forward(d.data(), d.data());
    for (std::size_t i = 0; i < n; i++) one[i] = 1;
    field.toMultiplicand(one.data(), one.data(), n);
    const u64 *xs[] = {lazy.data()}, *ys[] = {one.data()};
    field.multiplyAccumulate(clear.data(), nullptr, xs, ys, nullptr, 1, false, n);
    check(clear == d, name + ": convertForwardLazy " + std::to_string(count) + " below " + std::to_string(bound));
  }
}

void testTransforms(const Field& field, const Field& scalar, const std::string& name) {
  const std::size_t n = field.degree();
  const u64 q = field.modulus();
  Random random(q ^ n);
  Words r(n), expected(n);
  for (const Pattern pattern : patterns) {
    const Words a = values(pattern, n, q, random);
    scalar.forward(expected.data(), a.data());
    field.forward(r.data(), a.data());
    check(r == expected, name + ": forward");
    Words inPlace = a;
    field.forward(inPlace.data(), inPlace.data());
    check(inPlace == expected, name + ": forward in place");
    for (const u64 c : {u64{1}, q - 1, random.below(q)}) {
      scalar.inverse(expected.data(), a.data(), scalar.constant(c));
      field.inverse(r.data(), a.data(), field.constant(c));
      check(r == expected, name + ": inverse");
    }
    inPlace = Words(a);
    field.inverse(inPlace.data(), inPlace.data(), field.constant(1));
    scalar.inverse(expected.data(), a.data(), scalar.constant(1));
    check(inPlace == expected, name + ": inverse in place");
  }
  for (const u64 source : {q, q + 12, 2 * q, 4 * q, 4 * q + 1, 16 * q, u64{1} << 46, u64{1} << 50, u64{1} << 52, u64{1} << 60}) {
    if (source > u64{1} << 60) continue;
    for (const Pattern pattern : {Pattern::random, Pattern::largest, Pattern::edges}) {
      const Words a = values(pattern, n, source, random);
      Words b(n);
      for (std::size_t i = 0; i < n; i++) b[i] = a[i] % q;
      scalar.forward(expected.data(), b.data());
      field.forwardLazy(r.data(), a.data(), source);
      checkLazy(field, r, expected, name + ": forwardLazy from " + std::to_string(source));
    }
  }
}

void testAutomorphism(const Field& field, const std::string& name) {
  const std::size_t n = field.degree();
  const u64 q = field.modulus();
  Random random(n);
  const Words a = values(Pattern::random, n, q, random), b = values(Pattern::random, n, q, random), addend = values(Pattern::edges, n, q, random);
  for (const u64 element : {u64{1}, u64{3}, u64{5}, 2 * u64{n} - 1, 2 * u64{n} - 3, (random.next() | 1) % (2 * u64{n})}) {
    const auto map = makeAutomorphism(element, n);
    // By definition on coefficients: x^i goes to x^(i element), x^N = -1.
    Words moved(n), transformed(n), expected(n), r(n);
    for (std::size_t i = 0; i < n; i++) {
      const u64 to = i * element % (2 * n);
      moved[to % n] = to < n ? a[i] : (q - a[i]) % q;
    }
    field.forward(expected.data(), moved.data());
    field.forward(transformed.data(), a.data());
    permute(*map, r.data(), transformed.data());
    check(r == expected, name + ": permute by " + std::to_string(element));
    for (std::size_t i = 0; i < n; i++) expected[i] = (expected[i] + addend[i]) % q;
    Words sum = addend;
    permuteAdd(*map, field, sum.data(), transformed.data(), sum.data());
    check(sum == expected, name + ": permuteAdd");
    const Constant c = field.constant(q - 2);
    for (const bool adds : {true, false}) {
      Words plain(n), lazy(n), clear(n);
      field.forwardLazy(lazy.data(), b.data(), q);
      field.forward(clear.data(), b.data());
      for (std::size_t i = 0; i < n; i++) plain[i] = (times((a[i] + q - clear[i]) % q, q - 2, q) + (adds ? addend[i] : 0)) % q;
      field.subtractScaleAdd(r.data(), a.data(), lazy.data(), c, adds ? addend.data() : nullptr, nullptr);
      check(r == plain, name + ": subtractScaleAdd");
      permute(*map, expected.data(), plain.data());
      field.subtractScaleAdd(r.data(), a.data(), lazy.data(), c, adds ? addend.data() : nullptr, map.get());
      check(r == expected, name + ": subtractScaleAdd, permuted");
    }
  }
}

void testField(const Field& field, const Field& scalar, const std::string& name) {
  const std::size_t n = field.degree();
  testTransforms(field, scalar, name);
  testIntegers(field, name);
  if (n > 4096) return;
  for (const Pattern pattern : patterns) testPointwise(field, name, pattern, n == 1024 ? 1024 : 8);
  testAutomorphism(field, name);
  for (const std::size_t terms : {1, 2, 3, 7, 8, 9, 16, 17, 33, 200}) testSums(field, name, terms, 64, Pattern::largest);
  testSums(field, name, 5, 1032, Pattern::random);
  testSums(field, name, 13, 1032, Pattern::edges);
  testSums(field, name, 2048, 8, Pattern::largest);
  for (const std::size_t count : {1, 2, 3, 4, 5, 6, 7, 15, 16, 63}) testPackedInputs(field, name, count);
  for (const std::size_t terms : {1, 8, 11}) testRuns(field, name, terms, 1024);
  for (const std::size_t count : {1, 2, 3, 4, 5, 9, 17, 64})
    for (const unsigned bits : {30, 46, 49, 50, 51, 52, 57, 60}) testConversion(field, name, count, u64{1} << bits, count < 4 ? n : 16);
}

void testRefusals() {
  const u64 q = primeBelow(40, 1024);
  const auto refuses = [](u64 modulus, std::size_t degree, const char* what) {
    checkThrows<std::invalid_argument>([&] { makeField(modulus, degree); }, what);
  };
  refuses(q, 512, "degree too small");
  refuses(primeBelow(40, 131072), 262144, "degree too large");
  refuses(q, 1536, "degree no power of two");
  refuses(primeBelow(61, 1024), 1024, "modulus too large");
  refuses(q + 2, 1024, "residue of the modulus");
  refuses(u64{2049} * 2049, 1024, "a square");
  refuses(1, 1024, "one");
  checkThrows<std::invalid_argument>([] { makeAutomorphism(2, 1024); }, "even Galois element");
  checkThrows<std::invalid_argument>([] { makeAutomorphism(2049, 1024); }, "Galois element too large");
  checkThrows<std::invalid_argument>([] { makeAutomorphism(3, 1000); }, "degree of an automorphism");
}

void testChoice() {
  const std::size_t degree = 1024;
  const u64 small = primeBelow(46, degree), middle = primeBelow(50, degree), large = primeBelow(60, degree);
  for (const auto& [path, name] : vectorPaths)
    for (const u64 q : {small, middle, large}) {
      const Path got = makeField(q, degree, path)->path();
      check(supports(got, q), std::string(name) + ": falls back to a path that works");
      if (supports(path, q)) check(got == path, std::string(name) + ": is taken where it works");
    }
  check(makeField(small, degree, Path::scalar)->path() == Path::scalar, "scalar can be forced");
  check(!supports(Path::ifma, large) && !supports(Path::ifma, u64{1} << 50), "IFMA is for moduli below 2^50");
  check(supports(Path::automatic, large) && supports(Path::scalar, large), "scalar and automatic always work");
}

}  // namespace
}  // namespace he::test

/** With "quick": of large degrees only one modulus of each kind. */
int main(int argc, char** argv) {
  using namespace he;
  using namespace he::test;
  const bool quick = argc > 1 && std::string(argv[1]) == "quick";
  testSmallestRoot();
  testRefusals();
  testChoice();
  for (const unsigned bits : {30, 46, 60}) testScalarProduct(bits);
  for (std::size_t degree = 1024; degree <= 131072; degree *= 2)
    for (const unsigned bits : {30, 45, 60}) testScalarTransform(bits, degree);
  for (std::size_t degree = 1024; degree <= 131072; degree *= 2)
    for (const unsigned bits : {30, 40, 44, 45, 46, 47, 48, 49, 50, 51, 55, 59, 60}) {
      // Every degree has its own plan of passes, and these widths have every kind of butterfly.
      const bool oneOfItsKind = bits == 44 || bits == 47 || bits == 50 || bits == 60;
      if (quick && degree > 8192 && !oneOfItsKind) continue;
      const u64 q = primeBelow(bits, degree);
      const auto scalar = makeField(q, degree, Path::scalar);
      const std::string name = std::to_string(bits) + " bits, N=" + std::to_string(degree);
      if (degree == 1024) testField(*scalar, *scalar, "scalar, " + name);
      for (const auto& [path, label] : vectorPaths)
        if (supports(path, q)) testField(*makeField(q, degree, path), *scalar, std::string(label) + ", " + name);
      // Left to choose, a field may mix paths.
      if (bits > 49) testField(*makeField(q, degree), *scalar, "automatic, " + name);
    }
  return report("core_field");
}
