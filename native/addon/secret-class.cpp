/** The class SecretSide as JavaScript sees it: one secret key, used by one thread. */
#include "../format/wipe.h"
#include "../random/system-random.h"
#include "../secret/secret-side.h"
#include "common-parameters.h"
#include "secret-parts.h"

namespace he::addon {
namespace {

using secret::SecretSide;

constexpr napi_type_tag kSecretTag = {0x1f5be0cd2a4c7d31ULL, 0x84f0d6b95c3e1a72ULL};
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 44;
constexpr std::uint32_t kMaxWord = 0xffffffffu;

/** The secret side goes before the words that it reports to. */
struct Held {
  SharedWord cancel, heartbeat;
  std::unique_ptr<SecretSide> side;

  Held(napi_env env, napi_value cancelArray, napi_value heartbeatArray)
      : cancel(env, cancelArray, "cancel"), heartbeat(env, heartbeatArray, "heartbeat") {}
};

/** Plain values: copied from or to JavaScript, and wiped when done. */
struct WipedDoubles {
  std::vector<double> values;
  ~WipedDoubles() { format::wipe(values.data(), values.size() * sizeof(double)); }
};

SecretSide& sideOf(napi_env env, napi_value receiver) {
  Held& held = unwrap<Held>(env, receiver, kSecretTag);
  if (held.side == nullptr) throw Fault("INTERNAL", "the secret side has been disposed");
  return *held.side;
}

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

/** A Uint8Array of its own buffer, written in place: keys can be hundreds of megabytes. */
template <class Fill>
napi_value makeBytesInPlace(napi_env env, std::size_t size, Fill fill) {
  void* data = nullptr;
  napi_value buffer = nullptr, array = nullptr;
  require(env, napi_create_arraybuffer(env, size, &data, &buffer));
  fill(std::span<std::uint8_t>(static_cast<std::uint8_t*>(data), size));
  require(env, napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &array));
  return array;
}

/** new SecretSide(degree, dataPrimes, specialPrimes, digits, path, memoryBytes, threads, cancel, heartbeat, secretKey | null) */
napi_value construct(napi_env env, napi_callback_info info) {
  return method(env, "KEY_INVALID", [&] {
    const Call<10> call(env, info);
    const Parameters parameters = readParameters(env, call[0], call[1], call[2], call[3]);
    const Path path = readPath(env, call[4]);
    secret::Options options;
    options.memoryLimitBytes = readCount(env, call[5], "memoryBytes", kMaxBytes);
    options.threads = readCount(env, call[6], "threads", 256);
    if (options.threads == 0) refuse("threads", "at least 1");
    auto held = std::make_unique<Held>(env, call[7], call[8]);
    options.control = {held->cancel.get(), held->heartbeat.get()};
    std::optional<format::Bytes> saved;
    if (!isNull(env, call[9])) saved = readBytes(env, call[9], "secretKey");
    held->side = std::make_unique<SecretSide>(Context::create(parameters, path), options, saved);
    wrap(env, call.receiver, std::move(held), kSecretTag);
    return call.receiver;
  });
}

/** Wipes the key. */
napi_value dispose(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<0> call(env, info);
    Held& held = unwrap<Held>(env, call.receiver, kSecretTag);
    held.side.reset();
    held.cancel.drop();
    held.heartbeat.drop();
    return makeUndefined(env);
  });
}

napi_value saveSecretKey(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<0> call(env, info);
    const SecretSide& side = sideOf(env, call.receiver);
    return makeBytesInPlace(env, side.secretKeyBytes(), [&](std::span<std::uint8_t> out) { side.saveSecretKey(out); });
  });
}

napi_value makePublicKey(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<0> call(env, info);
    return makeBytes(env, sideOf(env, call.receiver).makePublicKey());
  });
}

/** makeRotationKey(step, level) → bytes */
napi_value makeRotationKey(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<2> call(env, info);
    const std::size_t step = readCount(env, call[0], "step", kMaxWord);
    const std::size_t level = readCount(env, call[1], "level", kMaxWord);
    SecretSide& side = sideOf(env, call.receiver);
    return makeBytesInPlace(env, side.rotationKeyBytes(step, level),
                            [&](std::span<std::uint8_t> out) { side.makeRotationKey(step, level, out); });
  });
}

/** makeRelinearizationKey(level) → bytes */
napi_value makeRelinearizationKey(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<1> call(env, info);
    const std::size_t level = readCount(env, call[0], "level", kMaxWord);
    SecretSide& side = sideOf(env, call.receiver);
    return makeBytesInPlace(env, side.relinearizationKeyBytes(level),
                            [&](std::span<std::uint8_t> out) { side.makeRelinearizationKey(level, out); });
  });
}

/** makeRaiseKeys(level, weight) → [encapsulation, decapsulation] */
napi_value makeRaiseKeys(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<2> call(env, info);
    const std::size_t level = readCount(env, call[0], "level", kMaxWord);
    const std::size_t weight = readCount(env, call[1], "weight", kMaxWord);
    const auto keys = sideOf(env, call.receiver).makeRaiseKeys(level, weight);
    napi_value pair = nullptr;
    require(env, napi_create_array_with_length(env, 2, &pair));
    require(env, napi_set_element(env, pair, 0, makeBytes(env, keys.encapsulation)));
    require(env, napi_set_element(env, pair, 1, makeBytes(env, keys.decapsulation)));
    return pair;
  });
}

/** encrypt(slots, level, scale) → bytes */
napi_value encrypt(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<3> call(env, info);
    const WipedDoubles slots{readDoubles(env, call[0], "slots")};
    const std::size_t level = readCount(env, call[1], "level", kMaxWord);
    const double scale = readNumber(env, call[2], "scale");
    return makeBytes(env, sideOf(env, call.receiver).encrypt(slots.values, level, scale));
  });
}

/** decrypt(bytes, level, scale, noiseLimit) → slots, or null where they are implausible */
napi_value decrypt(napi_env env, napi_callback_info info) {
  return method(env, "CIPHERTEXT_INVALID", [&] {
    const Call<4> call(env, info);
    const std::size_t level = readCount(env, call[1], "level", kMaxWord);
    const double scale = readNumber(env, call[2], "scale");
    const double noiseLimit = readNumber(env, call[3], "noiseLimit");
    const auto bytes = readBytes(env, call[0], "bytes");
    try {
      const WipedDoubles slots{sideOf(env, call.receiver).decrypt(bytes, level, scale, noiseLimit)};
      return makeDoubles(env, slots.values);
    } catch (const secret::Implausible&) {
      napi_value nothing = nullptr;
      require(env, napi_get_null(env, &nothing));
      return nothing;
    }
  });
}

}  // namespace

void defineSecretSide(napi_env env, napi_value exports) {
  static constexpr std::array<std::pair<const char*, napi_callback>, 8> kMethods = {{
      {"dispose", dispose},
      {"saveSecretKey", saveSecretKey},
      {"makePublicKey", makePublicKey},
      {"makeRotationKey", makeRotationKey},
      {"makeRelinearizationKey", makeRelinearizationKey},
      {"makeRaiseKeys", makeRaiseKeys},
      {"encrypt", encrypt},
      {"decrypt", decrypt},
  }};
  defineClass(env, exports, "SecretSide", construct, kMethods);
}

}  // namespace he::addon
