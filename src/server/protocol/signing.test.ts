import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  decodePublicKey,
  encodePublicKey,
  keyId,
  requestDigest,
  requestSignature,
  resultSignature,
  signRequest,
  signResult,
  verifyRequest,
  verifyResult,
} from './signing.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const call = { tool: 'remote_inference_cnn', arguments: { client_id: 'a', session_id: 's', omp_threads: 2 } };
const audience = 'ab'.repeat(32);

describe('signed requests', () => {
  it('verify whatever the order of arguments', () => {
    const signed = signRequest(call, privateKey, audience);
    const reordered = { tool: call.tool, arguments: { omp_threads: 2, session_id: 's', client_id: 'a' } };
    expect(verifyRequest(reordered, signed, publicKey)).toBe(true);
  });

  it('fail for any other tool, arguments, time, nonce, server or key', () => {
    const signed = signRequest(call, privateKey, audience);
    expect(verifyRequest({ ...call, tool: 'cancel_inference' }, signed, publicKey)).toBe(false);
    const other = { ...call, arguments: { ...call.arguments, omp_threads: 3 } };
    expect(verifyRequest(other, signed, publicKey)).toBe(false);
    for (const change of [
      { timestamp: signed.timestamp + 1 },
      { nonce: `${signed.nonce.slice(0, -1)}${signed.nonce.endsWith('A') ? 'B' : 'A'}` },
      { audience: 'cd'.repeat(32) },
    ]) {
      expect(verifyRequest(call, { ...signed, ...change }, publicKey)).toBe(false);
    }
    expect(verifyRequest(call, signed, generateKeyPairSync('ed25519').publicKey)).toBe(false);
  });

  it('never repeat a nonce', () => {
    const nonces = Array.from({ length: 100 }, () => signRequest(call, privateKey, audience).nonce);
    expect(new Set(nonces).size).toBe(100);
  });
});

describe('signed results', () => {
  it('bind result and request', () => {
    const digest = requestDigest(call, 'n'.repeat(16));
    const signed = signResult({ ok: true }, digest, privateKey, keyId(publicKey));
    expect(verifyResult({ ok: true }, signed, publicKey)).toBe(true);
    expect(verifyResult({ ok: false }, signed, publicKey)).toBe(false);
    const otherRequest = requestDigest(call, 'm'.repeat(16));
    expect(otherRequest).not.toBe(digest);
    expect(verifyResult({ ok: true }, { ...signed, request_digest: otherRequest }, publicKey)).toBe(false);
  });
});

describe('public keys', () => {
  it('travel as SubjectPublicKeyInfo', () => {
    expect(keyId(decodePublicKey(encodePublicKey(publicKey)))).toBe(keyId(createPublicKey(privateKey)));
  });

  it('must be of Ed25519', () => {
    const { publicKey: other } = generateKeyPairSync('x25519');
    expect(() => decodePublicKey(encodePublicKey(other))).toThrow('not an Ed25519 key');
    expect(() => decodePublicKey('AAAA')).toThrow('not an Ed25519 key');
  });
});

describe('what travels', () => {
  const time = Date.UTC(2026, 6, 1);
  const request = signRequest(call, privateKey, audience, time);
  const result = signResult(
    { ok: true },
    requestDigest(call, request.nonce),
    privateKey,
    keyId(publicKey),
    time,
  );

  it('is signed by the clock given, names its algorithm, and passes its own schema', () => {
    expect(request).toMatchObject({ alg: 'Ed25519', timestamp: time, audience });
    expect(requestSignature.parse(request)).toEqual(request);
    expect(result).toMatchObject({ alg: 'Ed25519', timestamp: time, key_id: keyId(publicKey) });
    expect(resultSignature.parse(result)).toEqual(result);
    expect(request.nonce).toMatch(/^[A-Za-z0-9_-]{24}$/);
  });

  it.each([
    ['another algorithm', { alg: 'none' }],
    ['half a millisecond', { timestamp: 0.5 }],
    ['a time before 1970', { timestamp: -1 }],
    ['a short nonce', { nonce: 'a'.repeat(15) }],
    ['a long nonce', { nonce: 'a'.repeat(65) }],
    ['a nonce with a tail', { nonce: `${'a'.repeat(20)}!` }],
    ['a nonce with a head', { nonce: `!${'a'.repeat(20)}` }],
    ['an audience in capitals', { audience: 'AB'.repeat(32) }],
    ['an audience that is too long', { audience: 'ab'.repeat(33) }],
    ['an audience with a head', { audience: `x${'ab'.repeat(32)}` }],
    ['a signature that is too short', { signature: 'A'.repeat(84) }],
    ['a signature that is no Base64', { signature: '!'.repeat(88) }],
    ['a field too many', { extra: 1 }],
  ])('is refused in a request with %s', (_what, change) => {
    expect(requestSignature.safeParse({ ...request, ...change }).success).toBe(false);
  });

  it.each([
    ['another algorithm', { alg: 'none' }],
    ['half a millisecond', { timestamp: 0.5 }],
    ['a time before 1970', { timestamp: -1 }],
    ['a key id with a tail', { key_id: `${'ab'.repeat(32)}x` }],
    ['a key id with a head', { key_id: `x${'ab'.repeat(32)}` }],
    ['a digest with a tail', { request_digest: `${'ab'.repeat(32)}x` }],
    ['a digest with a head', { request_digest: `x${'ab'.repeat(32)}` }],
    ['a signature that is too long', { signature: 'A'.repeat(92) }],
  ])('is refused in a result with %s', (_what, change) => {
    expect(resultSignature.safeParse({ ...result, ...change }).success).toBe(false);
  });

  it('is the canonical form, to the byte', () => {
    const text =
      `{"arguments":{"client_id":"a","omp_threads":2,"session_id":"s"},"audience":"${audience}",` +
      `"nonce":"${request.nonce}","timestamp":${time},"tool":"remote_inference_cnn"}`;
    const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');
    expect(verify(null, Buffer.from(text), publicKey, bytes(request.signature))).toBe(true);
    const signed = `{"request_digest":"${result.request_digest}","result":{"ok":true},"timestamp":${time}}`;
    expect(verify(null, Buffer.from(signed), publicKey, bytes(result.signature))).toBe(true);
    const digested = `{"arguments":{},"nonce":null,"tool":"t"}`;
    const digest = createHash('sha256').update(digested).digest('hex');
    expect(requestDigest({ tool: 't', arguments: undefined }, null)).toBe(digest);
    expect(requestDigest({ tool: 't', arguments: {} }, null)).toBe(digest);
    const nothing = signRequest({ tool: 't', arguments: undefined }, privateKey, audience);
    expect(verifyRequest({ tool: 't', arguments: {} }, nothing, publicKey)).toBe(true);
    expect(verifyResult({ ok: true }, { ...result, timestamp: time + 1 }, publicKey)).toBe(false);
  });

  it('names keys by the SHA-256 of what they are encoded as', () => {
    const der = Buffer.from(encodePublicKey(publicKey), 'base64');
    expect(keyId(publicKey)).toBe(createHash('sha256').update(der).digest('hex'));
    expect(der).toHaveLength(44);
  });

  it.each([
    ['text', 'no key'],
    ['nothing', ''],
    [
      'a key for something else',
      generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    ],
  ])('is no public key: %s', (_what, text) => {
    expect(() => decodePublicKey(text)).toThrow(
      expect.objectContaining({
        code: 'ERROR_INVALID_ARGUMENT',
        message: 'the public key is not an Ed25519 key (SubjectPublicKeyInfo, Base64)',
      }) as Error,
    );
  });
});
