/** he_secret.node: the secret side. */
#include "secret-parts.h"

NAPI_MODULE_INIT() {
  return he::addon::guarded(env, "INTERNAL", [&] {
    he::addon::defineSecretSide(env, exports);
    return exports;
  });
}
