/** Reader of ciphertexts: what it accepts is well-formed, and survives being written and read again. */
#include "fuzz-formats.h"

using namespace he;
using namespace he::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzzReader([&] {
    const Context& context = fuzzContext();
    const format::CiphertextData ciphertext = format::readCiphertext(context, fuzzPool(), {data, size});
    require(ciphertext.level <= context.topLevel(), "the level exists");
    require(ciphertext.scale > 0, "the scale is positive");
    require(ciphertext.polynomials.size() == 2 || ciphertext.polynomials.size() == 3, "two or three polynomials");
    const auto limbs = format::dataLimbs(context, ciphertext.level);
    for (const auto& polynomial : ciphertext.polynomials) requireReduced(polynomial, limbs);
    const auto bytes = format::writeCiphertext(context, ciphertext);
    const auto again = format::writeCiphertext(context, format::readCiphertext(context, fuzzPool(), bytes));
    require(bytes == again, "written and read again it is the same");
  });
}

std::vector<std::vector<std::uint8_t>> fuzzSeeds() {
  const Context& context = fuzzContext();
  std::vector<std::vector<std::uint8_t>> seeds;
  for (std::size_t level = 0; level <= context.topLevel(); level++) {
    const auto limbs = format::dataLimbs(context, level);
    for (const auto generator : {format::Generator::blake2xb, format::Generator::shake256}) {
      seeds.push_back(format::writeSeededCiphertext(context, level, 2.0, fuzzPolynomial(limbs), {{1, 2, 3}, generator}));
    }
    format::CiphertextData full{level, 2.0, {}};
    for (int p = 0; p < 3; p++) {
      full.polynomials.push_back(fuzzPolynomial(limbs));
      if (p > 0) seeds.push_back(format::writeCiphertext(context, full));
    }
  }
  return seeds;
}
