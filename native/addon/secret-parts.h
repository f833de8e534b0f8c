/** The parts of the addon for secret keys. */
#pragma once
#include "common.h"

namespace he::addon {

/** Adds the class SecretSide to the exports. */
void defineSecretSide(napi_env env, napi_value exports);

}  // namespace he::addon
