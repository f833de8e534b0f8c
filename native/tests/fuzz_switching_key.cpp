/** Reader of rotation and relinearization keys. */
#include "fuzz-formats.h"

using namespace he;
using namespace he::test;

namespace {

/** Relinearization, the rotation by one, conjugation. */
constexpr std::size_t kIndices[] = {0, 1, 1023};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const std::size_t index : kIndices) {
    fuzzReader([&] {
      const Context& context = fuzzContext();
      const auto key = format::readSwitchingKey(context, fuzzPool(), {data, size}, index);
      require(key.level <= context.topLevel(), "the level exists");
      require(key.digits.size() == context.digitsAt(key.level), "as many digits as the level has");
      const auto limbs = format::keyLimbs(context, key.level);
      for (const auto& [b, a] : key.digits) {
        requireReduced(b, limbs);
        requireReduced(a, limbs);
      }
    });
  }
  return 0;
}

std::vector<std::vector<std::uint8_t>> fuzzSeeds() {
  const Context& context = fuzzContext();
  std::vector<std::vector<std::uint8_t>> seeds;
  for (const std::size_t index : kIndices) {
    for (std::size_t level = 0; level <= context.topLevel(); level++) {
      auto& bytes = seeds.emplace_back(format::SwitchingKeyWriter::bytes(context, index, level));
      format::SwitchingKeyWriter writer(context, index, level, bytes);
      for (std::size_t digit = 0; digit < context.digitsAt(level); digit++) {
        writer.add(fuzzPolynomial(format::keyLimbs(context, level)), {{digit}});
      }
      writer.end();
    }
  }
  return seeds;
}
