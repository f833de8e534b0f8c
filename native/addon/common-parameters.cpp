#include "common-parameters.h"

namespace he::addon {

Parameters readParameters(napi_env env, napi_value degree, napi_value dataPrimes, napi_value specialPrimes,
                          napi_value digits) {
  Parameters parameters;
  parameters.degree = readCount(env, degree, "degree", 1u << 17);
  parameters.dataPrimes = readWords(env, dataPrimes, "dataPrimes");
  parameters.specialPrimes = readWords(env, specialPrimes, "specialPrimes");
  parameters.digits = readCount(env, digits, "digits", 64);
  if (parameters.dataPrimes.size() + parameters.specialPrimes.size() > 64) refuse("dataPrimes", "fewer: at most 64 primes");
  return parameters;
}

Path readPath(napi_env env, napi_value value) {
  const std::string name = readName(env, value, "path");
  if (name == "automatic") return Path::automatic;
  if (name == "scalar") return Path::scalar;
  if (name == "avx2") return Path::avx2;
  if (name == "avx512") return Path::avx512;
  if (name == "ifma") return Path::ifma;
  if (name == "neon") return Path::neon;
  refuse("path", "automatic, scalar, avx2, avx512, ifma or neon");
}

}  // namespace he::addon
