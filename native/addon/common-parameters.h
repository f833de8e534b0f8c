/** Parameters and paths as both addons are given them. */
#pragma once
#include "../engine/context.h"
#include "common.h"

namespace he::addon {

/** (degree, dataPrimes: BigUint64Array, specialPrimes: BigUint64Array, digits); `Context::create` checks what they mean. */
Parameters readParameters(napi_env env, napi_value degree, napi_value dataPrimes, napi_value specialPrimes, napi_value digits);

/** The name of the arithmetic to use. */
Path readPath(napi_env env, napi_value value);

}  // namespace he::addon
