/** What the fuzz targets of the file formats share: a small hybrid context, and valid files to begin with. */
#pragma once
#include <cstdlib>
#include <vector>

#include "../format/seal.h"
#include "check.h"

namespace he::test {

inline const Context& fuzzContext() {
  static const auto context = Context::create(makeParameters(1024, 40, 2, 30, 2, 40, 2));
  return *context;
}

/** Small enough that a length which is believed too early becomes an error, large enough for all that is valid. */
inline Pool& fuzzPool() {
  static Pool pool(std::size_t{1} << 22);
  return pool;
}

inline format::Polynomial fuzzPolynomial(std::span<const std::size_t> limbs) {
  const Context& context = fuzzContext();
  format::Polynomial polynomial = format::makePolynomial(context, fuzzPool(), limbs.size());
  for (std::size_t i = 0; i < limbs.size() * context.degree(); i++) polynomial.words.data()[i] = i * i;
  return polynomial;
}

/** Ends the process, as a crash does: what was accepted breaks a promise. */
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

/** What a reader gives must be reduced, over the limbs given. */
inline void requireReduced(const format::Polynomial& polynomial, std::span<const std::size_t> limbs) {
  const Context& context = fuzzContext();
  require(polynomial.limbs == limbs.size(), "a polynomial has the limbs of its level");
  for (std::size_t i = 0; i < limbs.size(); i++) {
    for (std::size_t k = 0; k < context.degree(); k++) {
      require(polynomial.words.data()[i * context.degree() + k] < context.field(limbs[i]).modulus(), "residues are reduced");
    }
  }
}

/** Runs a reader on foreign bytes: it may refuse, and nothing else may go wrong. */
template <class Read>
int fuzzReader(Read read) {
  try {
    read();
  } catch (const format::FormatError&) {
  } catch (const MemoryExceeded&) {
  }
  require(fuzzPool().bytesInUse() == 0, "nothing is left in memory");
  return 0;
}

}  // namespace he::test
