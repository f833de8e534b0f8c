/** Kernel times as JavaScript sees them. */
#include "../engine/profile.h"

#include "common-parameters.h"
#include "engine-parts.h"

namespace he::addon {
namespace {

const char* nameOf(Path path) noexcept {
  switch (path) {
    case Path::scalar: return "scalar";
    case Path::avx2: return "avx2";
    case Path::avx512: return "avx512";
    case Path::ifma: return "ifma";
    case Path::neon: return "neon";
    case Path::automatic: break;
  }
  return "automatic";
}

/** profileKernels(degree, modulus: BigUint64Array of one, path) → { path, forward, … } in nanoseconds per limb */
napi_value profileKernels(napi_env env, napi_callback_info info) {
  return guarded(env, "INTERNAL", [&] {
    const Call<3> call(env, info);
    const std::size_t degree = readCount(env, call[0], "degree", 131072);
    const auto modulus = readWords(env, call[1], "modulus");
    const Path path = readPath(env, call[2]);
    if (modulus.size() != 1) refuse("modulus", "one word");
    const KernelTimes times = he::profileKernels(degree, modulus[0], path);
    napi_value result = nullptr, name = nullptr;
    require(env, napi_create_object(env, &result));
    require(env, napi_create_string_utf8(env, nameOf(times.path), NAPI_AUTO_LENGTH, &name));
    require(env, napi_set_named_property(env, result, "path", name));
    const std::pair<const char*, double> values[] = {
        {"forward", times.forward},       {"inverse", times.inverse},   {"accumulate", times.accumulate},
        {"accumulateStreamed", times.accumulateStreamed},               {"multiply", times.multiply},
        {"convert", times.convert},       {"permute", times.permute},   {"add", times.add},
        {"encode", times.encode},
    };
    for (const auto& [key, value] : values) {
      require(env, napi_set_named_property(env, result, key, makeNumber(env, value)));
    }
    return result;
  });
}

}  // namespace

void defineProfile(napi_env env, napi_value exports) {
  napi_value function = nullptr;
  require(env, napi_create_function(env, "profileKernels", NAPI_AUTO_LENGTH, profileKernels, nullptr, &function));
  require(env, napi_set_named_property(env, exports, "profileKernels", function));
}

}  // namespace he::addon
