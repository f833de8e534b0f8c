/** Reader of secret keys: what it accepts it also writes, byte for byte. */
#include <algorithm>

#include "../secret/secret-key.h"
#include "fuzz-formats.h"

using namespace he;
using namespace he::test;

namespace {

/** Of the array of residues, after the outer one, the identifier and two words. */
constexpr std::size_t kInnerHeader = 16 + 32 + 16;

Threads& threads() {
  static Threads one(1);
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzzReader([&] {
    const Context& context = fuzzContext();
    const auto key = secret::readSecretKey(context, fuzzPool(), threads(), {data, size});
    std::vector<std::uint8_t> bytes(secret::secretKeyBytes(context));
    secret::writeSecretKey(context, key, bytes);
    require(bytes.size() == size, "a key is written as long as it was read");
    // Minor versions of the two headers may differ.
    bytes[4] = data[4];
    bytes[kInnerHeader + 4] = data[kInnerHeader + 4];
    require(std::equal(bytes.begin(), bytes.end(), data), "a key is written as it was read");
  });
}

std::vector<std::vector<std::uint8_t>> fuzzSeeds() {
  const Context& context = fuzzContext();
  std::vector<std::uint8_t> bytes(secret::secretKeyBytes(context));
  secret::writeSecretKey(context, secret::makeSecretKey(context, fuzzPool(), threads()), bytes);
  return {bytes};
}
