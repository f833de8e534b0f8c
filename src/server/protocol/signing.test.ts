import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  decodePublicKey,
  encodePublicKey,
  keyId,
  requestDigest,
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
