/** Parameters that are anything: `Context::create` refuses them or gives a context that is consistent. */
#include <algorithm>
#include <cstring>

#include "fuzz-formats.h"

using namespace he;
using namespace he::test;

namespace {

/** Words: degree, digits, number of special primes, and then the primes, data first. */
Parameters parse(const std::uint8_t* data, std::size_t size) {
  std::vector<u64> words(size / 8);
  if (!words.empty()) std::memcpy(words.data(), data, words.size() * 8);
  words.resize(std::max<std::size_t>(words.size(), 3));
  Parameters parameters;
  parameters.degree = words[0];
  parameters.digits = words[1];
  const std::size_t special = std::min<std::size_t>(words[2], words.size() - 3);
  parameters.dataPrimes.assign(words.begin() + 3, words.end() - static_cast<std::ptrdiff_t>(special));
  parameters.specialPrimes.assign(words.end() - static_cast<std::ptrdiff_t>(special), words.end());
  return parameters;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Parameters parameters = parse(data, size);
  // Valid ones of larger rings take long and show nothing new.
  if (parameters.degree > 2048 && (parameters.degree & (parameters.degree - 1)) == 0) return 0;
  try {
    const auto context = Context::create(parameters);
    require(context->topLevel() + 1 == parameters.dataPrimes.size(), "every data prime is a level");
    require(context->specialCount() == parameters.specialPrimes.size(), "the special primes are there");
    for (std::size_t level = 0; level <= context->topLevel(); level++) {
      require(context->digitsAt(level) >= 1 && context->digitsAt(level) <= parameters.digits, "digits of every level");
    }
  } catch (const std::invalid_argument&) {
  }
  return 0;
}

std::vector<std::vector<std::uint8_t>> fuzzSeeds() {
  std::vector<std::vector<std::uint8_t>> seeds;
  for (const Parameters& parameters : {makeParameters(1024, 40, 2, 30, 2, 40, 2), makeParameters(2048, 60, 1, 50, 1, 60, 2)}) {
    std::vector<u64> words{parameters.degree, parameters.digits, parameters.specialPrimes.size()};
    words.insert(words.end(), parameters.dataPrimes.begin(), parameters.dataPrimes.end());
    words.insert(words.end(), parameters.specialPrimes.begin(), parameters.specialPrimes.end());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(words.data());
    seeds.emplace_back(bytes, bytes + words.size() * 8);
  }
  return seeds;
}
