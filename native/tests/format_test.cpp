/** Hashes by their official vectors, expansion and identifiers as SEAL computes them, and what readers refuse. */
#include <algorithm>
#include <cstring>

#include "../format/blake2.h"
#include "../format/seal.h"
#include "../format/shake256.h"
#include "check.h"

using namespace he;
using namespace he::format;

namespace {

test::Report report;

std::vector<std::uint8_t> counting(std::size_t length) {
  std::vector<std::uint8_t> bytes(length);
  for (std::size_t i = 0; i < length; i++) bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}

std::vector<std::uint8_t> unhex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string digest(Bytes bytes) {
  std::uint8_t out[32];
  blake2b(out, bytes);
  return test::hex(out);
}

Bytes bytesOf(const Polynomial& polynomial) {
  return {reinterpret_cast<const std::uint8_t*>(polynomial.words.data()), polynomial.words.words() * 8};
}

bool same(const Polynomial& a, const Polynomial& b) {
  const Bytes left = bytesOf(a), right = bytesOf(b);
  return a.limbs == b.limbs && std::equal(left.begin(), left.end(), right.begin(), right.end());
}

void hashes() {
  std::uint8_t out[64];
  const std::uint8_t abc[] = {'a', 'b', 'c'};
  blake2b(out, abc);
  report.check(test::hex(out) == "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                                 "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
               "BLAKE2b of abc (RFC 7693, appendix A)");
  blake2b(out, counting(255), counting(64));
  report.check(test::hex(out) == "142709d62e28fcccd0af97fad0f8465b971e82201dc51070faa0372aa43e9248"
                                 "4be1c1e73ba10906d5d1853db6a4106e0a7bf9800d373d6dee2d46d62ef2a461",
               "keyed BLAKE2b of 255 bytes (blake2-kat)");
  // Output lengths of the keyed vectors of blake2-kat, over the input 00 ... ff.
  for (const char* expected : {"64", "f457", "e8c045", "a74c6d0d", "eb02ae482a", "074a02fa58d7c7c0"}) {
    std::vector<std::uint8_t> xof(std::strlen(expected) / 2);
    blake2xb(xof, counting(256), counting(64));
    report.check(test::hex(xof) == expected, std::string("keyed BLAKE2Xb, ") + expected);
  }
  const std::vector<std::uint8_t> message(200, 0xa3);
  shake256({out, 32}, message);
  report.check(test::hex({out, 32}) == "cd8a920ed141aa0407a22d59288652e9d9f1a7ee0c1e7c1ca699424da84a904d",
               "SHAKE256 of 200 bytes (FIPS 202 examples)");
  std::vector<std::uint8_t> page(kSeedPageBytes);
  Seed seed;
  std::memcpy(seed.words.data(), counting(64).data(), 64);
  seed.generator = Generator::shake256;
  u64 counter;
  std::memcpy(&counter, counting(72).data() + 64, 8);
  seedPage(seed, counter, page.data());
  report.check(digest(page) == "cc7aef5a4b1684b38af2d04c6631827b35cfd8e8ff851ff9b21a39762cb94ca6",
               "a page of SHAKE256 of the seed and the counter");
}

/** The first prime is 3/4 of 2^60, so that one word in sixty is rejected. Values are those of node-seal 7.0.0. */
void expansion() {
  Parameters parameters;
  parameters.degree = 1024;
  parameters.dataPrimes = {864691128451891201, 1099510054913};
  parameters.specialPrimes = {1152921504606748673};
  parameters.digits = 2;
  const auto context = Context::create(parameters);
  const auto idHex = [](const ParmsId& id) { return test::hex({reinterpret_cast<const std::uint8_t*>(id.data()), sizeof id}); };
  report.check(idHex(context->keyId(1)) == "6786d7641126931edac743c3e9481b4536f6d12d64c6123d3b815360e5aee7bb", "key identifier");
  report.check(idHex(context->levelId(1)) == "6dc1c1699a3211ac123467eff65efb3831ff60dd75a90e1a51a891d54ef50342",
               "identifier of the top level");
  Seed seed;
  std::memcpy(seed.words.data(),
              unhex("be8f4725565a24bb50da311d22fa404c82beb1daa2a8c169b44109a852472ae3"
                    "dc9ef2074d72989a3bc0045e0c089c6bbf7f3e5eb22f0adb57afdf22ab1ea03d").data(), 64);
  Pool pool(std::size_t{1} << 26);
  for (const std::size_t threads : {0, 2}) {
    const Polynomial a = makePolynomial(*context, pool, 3);
    u64* limbs[] = {a.words.data(), a.words.data() + 1024, a.words.data() + 2048};
    Threads workers(std::max<std::size_t>(threads, 1));
    expandSeed(*context, seed, keyLimbs(*context, 1), limbs, threads == 0 ? nullptr : &workers);
    report.check(digest(bytesOf(a)) == "e5f37b3fbd623670c9e8a5fd5302416d3cdb94a35f61e5ab0d2a7589b029f63e",
                 "expansion of a seed with " + std::to_string(threads) + " threads");
  }
}

/** Residues that are different everywhere, and reach q - 1. */
Polynomial sample(const Context& context, Pool& pool, std::span<const std::size_t> limbs, u64 salt) {
  Polynomial polynomial = makePolynomial(context, pool, limbs.size());
  for (std::size_t i = 0; i < limbs.size(); i++) {
    const u64 q = context.field(limbs[i]).modulus();
    for (std::size_t k = 0; k < context.degree(); k++) {
      polynomial.words.data()[i * context.degree() + k] = k == 0 ? q - 1 : (k * 0x9e3779b97f4a7c15 + salt) % q;
    }
  }
  return polynomial;
}

void ciphertexts(const Context& context) {
  Pool pool(std::size_t{1} << 28);
  for (std::size_t level = 0; level <= context.topLevel(); level++) {
    const auto limbs = dataLimbs(context, level);
    Seed seed;
    seed.words.fill(level + 7);
    for (const Generator generator : {Generator::blake2xb, Generator::shake256}) {
      seed.generator = generator;
      const Polynomial b = sample(context, pool, limbs, level);
      const CiphertextData read = readCiphertext(context, pool, writeSeededCiphertext(context, level, 1.5, b, seed));
      report.check(read.level == level && read.scale == 1.5 && read.polynomials.size() == 2 && same(read.polynomials[0], b),
                   "a seeded ciphertext at level " + std::to_string(level));
      const CiphertextData again = readCiphertext(context, pool, writeCiphertext(context, read));
      report.check(same(again.polynomials[0], b) && same(again.polynomials[1], read.polynomials[1]),
                   "the same without its seed");
    }
    CiphertextData three{level, 0x1p40, {}};
    for (u64 p = 0; p < 3; p++) three.polynomials.push_back(sample(context, pool, limbs, p));
    const CiphertextData read = readCiphertext(context, pool, writeCiphertext(context, three));
    report.check(read.polynomials.size() == 3 && same(read.polynomials[2], three.polynomials[2]), "three polynomials");
  }
}

void keys(const Context& context) {
  Pool pool(std::size_t{1} << 28);
  for (std::size_t level = 0; level <= context.topLevel(); level++) {
    for (const std::size_t index : {std::size_t{0}, std::size_t{1}, context.degree() - 1}) {
      const std::size_t digits = context.digitsAt(level);
      std::vector<std::uint8_t> bytes(SwitchingKeyWriter::bytes(context, index, level));
      SwitchingKeyWriter writer(context, index, level, bytes);
      std::vector<Polynomial> b;
      for (std::size_t digit = 0; digit < digits; digit++) {
        Seed seed;
        seed.words.fill(digit + 1);
        b.push_back(sample(context, pool, keyLimbs(context, level), digit));
        writer.add(b.back(), seed);
      }
      writer.end();
      const SwitchingKeyData key = readSwitchingKey(context, pool, bytes, index);
      bool equal = key.level == level && key.digits.size() == digits;
      for (std::size_t digit = 0; equal && digit < digits; digit++) equal = same(key.digits[digit].b, b[digit]);
      report.check(equal, "a key at level " + std::to_string(level) + ", index " + std::to_string(index));
      const std::size_t other = index == 1 ? 2 : 1;
      report.refuses<FormatError>([&] { readSwitchingKey(context, pool, bytes, other); },
                                  index == 0 ? "lists 1 keys instead of" : "another rotation", "a key for another rotation");
    }
  }
}

void refusals(const Context& context) {
  Pool pool(std::size_t{1} << 28);
  Seed seed;
  const auto limbs = dataLimbs(context, 1);
  const Polynomial b = sample(context, pool, limbs, 3);
  const std::vector<std::uint8_t> good = writeSeededCiphertext(context, 1, 2.0, b, seed);
  const auto changed = [&](std::size_t at, std::initializer_list<std::uint8_t> bytes) {
    std::vector<std::uint8_t> copy = good;
    std::copy(bytes.begin(), bytes.end(), copy.begin() + static_cast<std::ptrdiff_t>(at));
    return copy;
  };
  const auto refuses = [&](const std::vector<std::uint8_t>& bytes, const char* part) {
    report.refuses<FormatError>([&] { readCiphertext(context, pool, bytes); }, part, part);
  };
  refuses({}, "too early");
  refuses(changed(0, {0}), "not in SEAL's format");
  refuses(changed(2, {17}), "not in SEAL's format");
  refuses(changed(3, {3}), "SEAL 3.1");
  refuses(changed(5, {1}), "zlib");
  refuses(changed(5, {2}), "zstd");
  refuses(changed(5, {3}), "compression 3");
  refuses(changed(6, {1}), "reserved");
  refuses(changed(16, {0, 0}), "other parameters");
  refuses(changed(48, {0}), "NTT");
  refuses(changed(49, {1}), "1 polynomials");
  refuses(changed(49, {4}), "4 polynomials");
  refuses(changed(49, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), "polynomials");
  refuses(changed(58, {8}), "degree 2048");
  refuses(changed(65, {1}), "other parameters");
  refuses(changed(65, {0}), "0 primes");
  refuses(changed(65, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), "primes");
  refuses(changed(79, {0xf0, 0x7f}), "scale");
  refuses(changed(79, {0xf0, 0xff}), "scale");
  refuses(changed(73, {0, 0, 0, 0, 0, 0, 0, 0}), "scale");
  refuses(changed(81, {2}), "CKKS");
  refuses(changed(105, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), "words instead of");
  // The first residue is q - 1: one more is too large, and so is all that looks negative.
  std::vector<std::uint8_t> large = good;
  const u64 q = context.field(0).modulus();
  std::memcpy(large.data() + 113, &q, 8);
  refuses(large, "not below its prime");
  refuses(changed(113, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), "not below its prime");
  refuses(changed(good.size() - 65, {0}), "generator 0");
  std::vector<std::uint8_t> longer = good;
  longer.push_back(0);
  refuses(longer, "1 bytes too many");
  for (std::size_t length = 0; length < good.size(); length += length < 200 ? 1 : 997) {
    report.refuses<FormatError>([&] { readCiphertext(context, pool, Bytes(good).first(length)); }, "", "a part of a ciphertext");
  }
  Pool small(1000);
  report.refuses<MemoryExceeded>([&] { readCiphertext(context, small, good); }, "", "more than the pool holds");
  report.check(pool.bytesInUse() == b.words.words() * 8, "refusals leave no memory behind");
}

}  // namespace

int main() {
  hashes();
  expansion();
  for (const auto& parameters :
       {test::makeParameters(1024, 60, 3, 40, 1, 60, 4), test::makeParameters(1024, 50, 4, 36, 2, 50, 2)}) {
    const auto context = Context::create(parameters);
    ciphertexts(*context);
    keys(*context);
    refusals(*context);
  }
  return report.finish();
}
