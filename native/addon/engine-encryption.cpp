/** The class PublicEncryptor as JavaScript sees it: one public key, used by one thread. */
#include "../engine/encryption.h"

#include "../format/wipe.h"
#include "../random/system-random.h"
#include "common-parameters.h"
#include "engine-parts.h"

namespace he::addon {
namespace {

constexpr napi_type_tag kEncryptorTag = {0x52c3a1e07b9d4f68ULL, 0x9d17e4b2f0a85c36ULL};
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 44;

struct Held {
  std::unique_ptr<PublicEncryptor> encryptor;
};

template <class Body>
napi_value method(napi_env env, const char* formatCode, Body body) noexcept {
  return guarded(env, formatCode, [&] {
    try {
      return body();
    } catch (const random::NoRandomness& error) {
      throw Fault("RANDOMNESS_UNAVAILABLE", error.what());
    }
  });
}

/** new PublicEncryptor(degree, dataPrimes, specialPrimes, digits, path, memoryBytes, threads, publicKey) */
napi_value construct(napi_env env, napi_callback_info info) {
  return method(env, "KEY_INVALID", [&] {
    const Call<8> call(env, info);
    const Parameters parameters = readParameters(env, call[0], call[1], call[2], call[3]);
    const Path path = readPath(env, call[4]);
    const std::size_t memory = readCount(env, call[5], "memoryBytes", kMaxBytes);
    const std::size_t threads = readCount(env, call[6], "threads", 256);
    if (threads == 0) refuse("threads", "at least 1");
    const auto bytes = readBytes(env, call[7], "publicKey");
    auto held = std::make_unique<Held>();
    held->encryptor = std::make_unique<PublicEncryptor>(Context::create(parameters, path), memory, threads, Control{}, bytes);
    wrap(env, call.receiver, std::move(held), kEncryptorTag);
    return call.receiver;
  });
}

napi_value dispose(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<0> call(env, info);
    unwrap<Held>(env, call.receiver, kEncryptorTag).encryptor.reset();
    return makeUndefined(env);
  });
}

/** encrypt(slots, level, scale) → bytes */
napi_value encrypt(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<3> call(env, info);
    struct Wiped {
      std::vector<double> values;
      ~Wiped() { format::wipe(values.data(), values.size() * sizeof(double)); }
    } const slots{readDoubles(env, call[0], "slots")};
    const std::size_t level = readCount(env, call[1], "level", 0xffffffffu);
    const double scale = readNumber(env, call[2], "scale");
    Held& held = unwrap<Held>(env, call.receiver, kEncryptorTag);
    if (held.encryptor == nullptr) throw Fault("INTERNAL", "the encryptor has been disposed");
    return makeBytes(env, held.encryptor->encrypt(slots.values, level, scale));
  });
}

}  // namespace

void defineEncryption(napi_env env, napi_value exports) {
  static constexpr std::array<std::pair<const char*, napi_callback>, 2> kMethods = {{
      {"dispose", dispose},
      {"encrypt", encrypt},
  }};
  defineClass(env, exports, "PublicEncryptor", construct, kMethods);
}

}  // namespace he::addon
