/** Readers of the two keys of bootstrapping. */
#include "fuzz-formats.h"

using namespace he;
using namespace he::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Context& context = fuzzContext();
  fuzzReader([&] {
    const auto key = format::readEncapsulationKey(context, fuzzPool(), {data, size});
    requireReduced(key.b, format::encapsulationLimbs(context));
    requireReduced(key.a, format::encapsulationLimbs(context));
  });
  fuzzReader([&] {
    const auto key = format::readDecapsulationKey(context, fuzzPool(), {data, size});
    require(key.level <= context.topLevel(), "the level exists");
    requireReduced(key.b, format::keyLimbs(context, key.level));
    requireReduced(key.a, format::keyLimbs(context, key.level));
  });
  return 0;
}

std::vector<std::vector<std::uint8_t>> fuzzSeeds() {
  const Context& context = fuzzContext();
  std::vector<std::vector<std::uint8_t>> seeds;
  seeds.push_back(format::writeEncapsulationKey(context, fuzzPolynomial(format::encapsulationLimbs(context)), {{1}}));
  for (std::size_t level = 0; level <= context.topLevel(); level++) {
    seeds.push_back(format::writeDecapsulationKey(context, level, fuzzPolynomial(format::keyLimbs(context, level)), {{level}}));
  }
  return seeds;
}
