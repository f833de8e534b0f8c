/** he_engine.node: the public side. */
#include "engine-parts.h"

NAPI_MODULE_INIT() {
  return he::addon::guarded(env, "INTERNAL", [&] {
    he::addon::defineEngine(env, exports);
    he::addon::defineEncryption(env, exports);
    he::addon::defineProfile(env, exports);
    return exports;
  });
}
