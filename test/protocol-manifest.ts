/**
 * The draft's normative lines and shapes, each with the tests that hold it. `tests` are titles as they stand in the file;
 * `protocol-manifest.test.ts` finds out when one is gone.
 */
export interface ManifestLine {
  readonly id: number;
  readonly section: string;
  readonly sentence: string;
  readonly tests: readonly (readonly [file: string, title: string])[];
}

const INFERENCE = 'src/server/inference';
const HOSTING = 'src/server/hosting';
const CRYPTO = 'src/server/crypto';
const SERVER = `${INFERENCE}/inference-server.test.ts`;
const SECURITY = `${INFERENCE}/security.test.ts`;
const REFUSALS = `${INFERENCE}/refusal-matrix.test.ts`;
const MUTATIONS = `${INFERENCE}/mutations.test.ts`;
const DURABILITY = `${INFERENCE}/durability.test.ts`;
const CONFIDENTIALITY = `${INFERENCE}/confidentiality.test.ts`;
const NEGOTIATION = 'src/server/protocol/check-negotiation.test.ts';
const TRANSPORTS = 'src/server/transport/transports.test.ts';
const LOCAL = `${CRYPTO}/crypto-server.test.ts`;
const CONFIDENTIAL = 'no message, no file and no log holds a secret key, pixels, logits or a token';
const CLASSIFIES = 'lists tools and classifies an encrypted digit';

export const PROTOCOL_MANIFEST: readonly ManifestLine[] = [
  {
    id: 1,
    section: '§2.7',
    sentence: 'The secret key never reaches the remote server.',
    tests: [
      [CONFIDENTIALITY, CONFIDENTIAL],
      [SECURITY, 'refuse a secret key before it is written'],
      ['test/secrecy-walls.test.ts', 'the %s command reaching the local cryptographic server'],
    ],
  },
  {
    id: 2,
    section: '§4.1',
    sentence: 'The remote server cannot extract pixels, features or outputs.',
    tests: [[CONFIDENTIALITY, CONFIDENTIAL]],
  },
  {
    id: 3,
    section: '§4.3',
    sentence: 'The wire format is bound to no scheme.',
    tests: [
      [
        `${INFERENCE}/bfv-inference.test.ts`,
        'an integer model is served by the same tools, and its answers equal exact arithmetic',
      ],
    ],
  },
  {
    id: 4,
    section: '§4.4',
    sentence: 'Key lifecycle is decoupled: reuse, server-side cache, references.',
    tests: [
      [SERVER, 'are named by content, never sent twice, and gone for good when revoked'],
      [DURABILITY, 'keys that do not fit into memory together take turns, within the bound'],
      [LOCAL, 'makes and sends keys only once, and leaves no ciphertexts behind'],
    ],
  },
  {
    id: 5,
    section: '§5.3',
    sentence:
      'Evaluation keys are provisioned on their own; the server issues a key reference that the client stores.',
    tests: [
      [SERVER, 'are named by content, never sent twice, and gone for good when revoked'],
      [LOCAL, 'makes and sends keys only once, and leaves no ciphertexts behind'],
    ],
  },
  {
    id: 6,
    section: '§6.3',
    sentence: 'A decoded chunk never exceeds the negotiated maximum.',
    tests: [
      [SECURITY, 'take a chunk of the maximum and refuse one byte more'],
      [REFUSALS, 'a chunk one byte too large'],
    ],
  },
  {
    id: 7,
    section: '§6.3',
    sentence: 'auth_token travels on a confidential channel only and is checked against a stored hash.',
    tests: [
      [TRANSPORTS, 'plaintext is refused on addresses that others can reach'],
      [CONFIDENTIALITY, CONFIDENTIAL],
      [SECURITY, 'need the token of their client'],
    ],
  },
  {
    id: 8,
    section: '§6.3',
    sentence: 'omp_threads is optional and changes nothing in the result.',
    tests: [
      [DURABILITY, 'hints for parallelism change not a bit of the result'],
      [SERVER, 'return the same result when asked again, also in chunks, and take no other inputs then'],
    ],
  },
  {
    id: 9,
    section: '§6.4',
    sentence: 'profile is optional; the server returns no plaintext or semantic outcome.',
    tests: [
      [SERVER, CLASSIFIES],
      [CONFIDENTIALITY, CONFIDENTIAL],
    ],
  },
  {
    id: 10,
    section: '§7',
    sentence: 'Negotiation parameters may stand in arguments and structuredContent.',
    tests: [[SECURITY, 'and everything stated about them are checked before a session is queued']],
  },
  {
    id: 11,
    section: '§7.1',
    sentence: 'Parameters that miss the declared security_level are rejected.',
    tests: [
      [REFUSALS, 'parameters weaker than the security stated'],
      [NEGOTIATION, 'a ring too small for the modulus'],
      [NEGOTIATION, 'a level that the parameters miss'],
      [SECURITY, 'and everything stated about them are checked before a session is queued'],
    ],
  },
  {
    id: 12,
    section: '§7.1',
    sentence: 'max_multiplication_depth is validated first; abort early.',
    tests: [
      [REFUSALS, 'a depth too large'],
      [NEGOTIATION, 'more depth than there are levels'],
      [SECURITY, 'and everything stated about them are checked before a session is queued'],
    ],
  },
  {
    id: 13,
    section: '§7.2',
    sentence: 'Telemetry on success and on failure.',
    tests: [
      [SERVER, CLASSIFIES],
      [SERVER, 'say what is missing, and take chunks in any order and twice, but not other bytes'],
    ],
  },
  {
    id: 14,
    section: '§7.2',
    sentence: 'requires_decryption is true on every encrypted result.',
    tests: [
      [SERVER, CLASSIFIES],
      [SERVER, 'run in the background if asked to'],
    ],
  },
  {
    id: 15,
    section: '§8',
    sentence: 'The local server refuses any bind but loopback.',
    tests: [[LOCAL, 'refuses every address but loopback']],
  },
  {
    id: 16,
    section: '§8',
    sentence: 'Keys and references are signed, authenticated and bound to the client.',
    tests: [
      [REFUSALS, 'the session of another client'],
      [LOCAL, 'sign the manifest of the keys with the key that enrols'],
      [SECURITY, 'pins the key: a name is not given to another one'],
      [SECURITY, 'reach nothing of another client'],
      [`${HOSTING}/enrolment.test.ts`, 'takes who holds the key of a certificate that the authority issued'],
    ],
  },
  {
    id: 17,
    section: '§8',
    sentence: 'Every request and response between local and remote has integrity protection.',
    tests: [
      [SECURITY, 'must be those that were signed, now, for this server'],
      [SECURITY, 'must be signed, by the key that was enrolled'],
      ['src/server/client/remote-caller.test.ts', 'and does not ask again'],
      [
        'src/server/protocol/signing.test.ts',
        'fail for any other tool, arguments, time, nonce, server or key',
      ],
    ],
  },
  {
    id: 18,
    section: '§5.1',
    sentence:
      'Local: stdio or loopback HTTP. Remote: Streamable HTTP, HTTP+SSE by a flag, stdio. String ids.',
    tests: [
      [SERVER, CLASSIFIES],
      [TRANSPORTS, 'stdio: a host starts the server, and classifies'],
      [MUTATIONS, '10 mutations of each message: %s answers with a documented code, and works on'],
    ],
  },
  {
    id: 19,
    section: '§6.1',
    sentence:
      'fhe_encrypt: absolute path, no raw bytes in messages, files in session_dir, keys by client_id.',
    tests: [
      [LOCAL, 'lead from keys to a decrypted answer, with a v1 client'],
      [REFUSALS, 'a link that leads out'],
    ],
  },
  {
    id: 20,
    section: '§6.3',
    sentence: 'upload_ciphertext_chunk: 0-based, several files, completeness, reassembly before evaluation.',
    tests: [[SERVER, 'say what is missing, and take chunks in any order and twice, but not other bytes']],
  },
  {
    id: 21,
    section: '§6.3',
    sentence: 'Acknowledgement {ok, file_name, chunk_index, chunk_bytes}.',
    tests: [[SECURITY, 'take a chunk of the maximum and refuse one byte more']],
  },
  {
    id: 22,
    section: '§6.3',
    sentence: 'remote_inference_cnn evaluates exactly the staged set.',
    tests: [
      [SERVER, CLASSIFIES],
      [SERVER, 'say what is missing, and take chunks in any order and twice, but not other bytes'],
    ],
  },
  {
    id: 23,
    section: '§6.4',
    sentence: 'content[0].text is JSON; the same object stands in structuredContent.',
    // Its client holds both against each other at every call.
    tests: [[SERVER, CLASSIFIES]],
  },
  {
    id: 24,
    section: '§6.5',
    sentence: 'fhe_decrypt {client_id, encrypted_logit_path}.',
    tests: [[LOCAL, 'lead from keys to a decrypted answer, with a v1 client']],
  },
  {
    id: 25,
    section: '§7.1',
    sentence: 'Request parameters, each validated.',
    tests: [
      [REFUSALS, 'another packing'],
      [
        NEGOTIATION,
        'accepts nothing, everything that the artifact states, and the draft’s spelling of schemes',
      ],
    ],
  },
  {
    id: 26,
    section: '§7.2',
    sentence: 'Response parameters, each filled in with true values.',
    tests: [[SERVER, CLASSIFIES]],
  },
  {
    id: 27,
    section: '§2.9–11',
    sentence: 'Algorithm ID, key reference; the tool advertises encrypted argument and result schemas.',
    tests: [
      [SERVER, CLASSIFIES],
      [NEGOTIATION, 'another algorithm'],
    ],
  },
  {
    id: 28,
    section: '§3.2',
    sentence: 'Log harvesting, EXIF, traffic analysis, modified, delayed and replayed messages are met.',
    tests: [
      [REFUSALS, 'a replayed request'],
      [CONFIDENTIALITY, CONFIDENTIAL],
      [`${CRYPTO}/read-input.test.ts`, 'of a JPEG changes nothing of what is encrypted'],
      [SECURITY, 'are answered once: a replay is refused'],
      [SECURITY, 'must be those that were signed, now, for this server'],
    ],
  },
  {
    id: 29,
    section: '§5.3, §6.2, §6.6',
    sentence: 'Steps 0, 2 and 6, which the draft leaves open, are defined.',
    tests: [
      [SERVER, 'are named by content, never sent twice, and gone for good when revoked'],
      [LOCAL, 'return the ciphertexts of an ordinary input inline, where that is asked for'],
      [LOCAL, 'round what they decrypt to the certified precision'],
    ],
  },
];
