/** docs/protocol.md and its test vectors: held against the sources, and against another implementation. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { protocolMarkdown, protocolVectors } from '../scripts/protocol-document.ts';
import { parseCiphertextSet } from '../src/runtime/formats/ciphertext-set.ts';
import { parseEvaluationKeys } from '../src/runtime/formats/evaluation-keys.ts';
import { canonicalJson } from '../src/server/protocol/canonical-json.ts';
import { decodePublicKey, keyId, verifyRequest, verifyResult } from '../src/server/protocol/signing.ts';
import { findPython } from '../src/server/testing/python.ts';

const DOCS = new URL('../docs/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, DOCS), 'utf8');

interface Vectors {
  readonly canonical: readonly { readonly value: unknown; readonly text: string }[];
  readonly keys: readonly { readonly name: string; readonly public_key: string; readonly key_id: string }[];
  readonly request: {
    readonly tool: string;
    readonly arguments: object;
    readonly timestamp: number;
    readonly nonce: string;
    readonly audience: string;
    readonly signature: string;
  };
  readonly result: {
    readonly request_digest: string;
    readonly result: object;
    readonly timestamp: number;
    readonly signature: string;
  };
  readonly containers: readonly { readonly kind: string; readonly hex: string }[];
}

const vectors = JSON.parse(read('protocol-vectors.json')) as Vectors;

it('docs/protocol.md is what the sources say (else run scripts/generate-protocol-docs.ts)', async () => {
  const document = read('protocol.md');
  const made = await format(protocolMarkdown(document), { parser: 'markdown', printWidth: 140 });
  expect(document).toBe(made);
  expect(document).toContain('#### `remote_inference_cnn`');
});

describe('the test vectors', () => {
  it('are what the sources make (else the protocol has changed: give it another version)', () => {
    expect(vectors).toEqual(JSON.parse(JSON.stringify(protocolVectors())));
  });

  it('hold: texts, key ids and signatures', () => {
    for (const { value, text } of vectors.canonical) expect(canonicalJson(value)).toBe(text);
    const [client, server] = vectors.keys.map(({ public_key, key_id }) => {
      const key = decodePublicKey(public_key);
      expect(keyId(key)).toBe(key_id);
      return key;
    });
    const { tool, arguments: given, ...facts } = vectors.request;
    const signed = { alg: 'Ed25519', ...facts } as const;
    expect(verifyRequest({ tool, arguments: given }, signed, client!)).toBe(true);
    expect(verifyRequest({ tool: 'other', arguments: given }, signed, client!)).toBe(false);
    const { result, ...rest } = vectors.result;
    const answer = { alg: 'Ed25519', key_id: keyId(server!), ...rest } as const;
    expect(verifyResult(result, answer, server!)).toBe(true);
    expect(verifyResult({ ...result, ok: false }, answer, server!)).toBe(false);
  });

  it('hold: containers are read', () => {
    const [ciphertexts, keys] = vectors.containers.map(({ hex }) => Buffer.from(hex, 'hex'));
    expect(parseCiphertextSet(ciphertexts!).tensors[0]!.ciphertexts.map(({ length }) => length)).toEqual([
      6, 2,
    ]);
    expect(parseEvaluationKeys(keys!).rotations.map(({ step }) => step)).toEqual([1, 64]);
  });

  const python = findPython();
  it.skipIf(python === null)('hold in Python, by the client that was written from the document', () => {
    const program = fileURLToPath(new URL('protocol-client.py', DOCS));
    const checks = `
import base64, hashlib, importlib.util, json, struct, sys
from cryptography.hazmat.primitives.serialization import load_der_public_key
spec = importlib.util.spec_from_file_location("client", sys.argv[1])
client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(client)
vectors = json.load(sys.stdin)
checked = 0
for case in vectors["canonical"]:
    assert client.canonical(case["value"]) == case["text"], case["text"]
    checked += 1
keys = {key["name"]: base64.b64decode(key["public_key"]) for key in vectors["keys"]}
for key in vectors["keys"]:
    assert client.sha256(keys[key["name"]]) == key["key_id"]
request, result = vectors["request"], vectors["result"]
names = ("tool", "arguments", "timestamp", "nonce", "audience")
text = client.canonical({name: request[name] for name in names})
assert text == request["text"]
load_der_public_key(keys["client"]).verify(base64.b64decode(request["signature"]), text.encode())
digest = client.sha256(client.canonical({name: request[name] for name in ("tool", "arguments", "nonce")}).encode())
assert digest == result["request_digest"]
text = client.canonical({name: result[name] for name in ("request_digest", "result", "timestamp")})
assert text == result["text"]
load_der_public_key(keys["server"]).verify(base64.b64decode(result["signature"]), text.encode())
for container in vectors["containers"]:
    data = bytes.fromhex(container["hex"])
    magic, version, length = struct.unpack_from("<4sII", data)
    header = json.loads(data[12:12 + length])
    assert (magic, version, header["kind"]) == (b"HECT", 3, container["kind"])
    assert 12 + length + sum(header["blobs"]) + 32 == len(data)
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    checked += 1
reference = vectors["key_ref"]
contents = sorted([file["file_name"], file["bytes"], file["sha256"]] for file in reference["files"])
text = client.canonical({"algorithmId": reference["algorithm_id"], "clientId": reference["client_id"], "contents": contents})
assert "hekey:" + client.sha256(text.encode()) == reference["key_ref"]
given = vectors["parameters_digest"]["parameters"]
array = [given["scheme"], given["poly_modulus_degree"], given["data_primes"], given["special_primes"], "uniform-ternary", given["digits"]]
assert client.sha256(json.dumps(array, separators=(",", ":")).encode()) == vectors["parameters_digest"]["digest"]
print(checked)
`;
    const checked = execFileSync(python!, ['-c', checks, program], { input: read('protocol-vectors.json') });
    expect(Number(checked)).toBe(vectors.canonical.length + vectors.containers.length);
  });
});
