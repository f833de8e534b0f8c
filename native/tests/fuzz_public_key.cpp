/** Reader of public keys. */
#include "fuzz-formats.h"

using namespace he;
using namespace he::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzzReader([&] {
    const Context& context = fuzzContext();
    const auto key = format::readPublicKey(context, fuzzPool(), {data, size});
    require(key.polynomials.size() == 2, "two polynomials");
    for (const auto& polynomial : key.polynomials) requireReduced(polynomial, format::keyLimbs(context, context.topLevel()));
  });
}

std::vector<std::vector<std::uint8_t>> fuzzSeeds() {
  const Context& context = fuzzContext();
  const auto limbs = format::keyLimbs(context, context.topLevel());
  return {format::writeSeededPublicKey(context, fuzzPolynomial(limbs), {{4, 5, 6}})};
}
