/**
 * The one table of the protocol's error codes: the three of the draft's §7.2 and ours in the same style. A code is stable,
 * its hint tells the caller what to do, and neither ever depends on plaintext.
 */
import { ProtocolError } from '../../errors.ts';

interface ErrorEntry {
  /** When it is sent; the generated documentation shows it. */
  readonly meaning: string;
  readonly hint: string;
  /** The same request may succeed later, unchanged. */
  readonly retryable?: true;
}

export const ERROR_TABLE = {
  // §7.2
  ERROR_DEPTH_EXCEEDED: {
    meaning: 'the model needs more multiplications in a row than the parameters or the caller allow',
    hint: 'use the max_multiplication_depth of describe_model',
  },
  ERROR_INVALID_GALOIS_KEY: {
    meaning: 'a rotation key is missing, damaged or named wrongly',
    hint: 'make keys for every entry of galois_key_mappings and provision them again',
  },
  ERROR_NOISE_OVERFLOW: {
    meaning: 'noise or scale would outgrow the modulus: the result could not be decrypted',
    hint: 'use a scale and modulus chain as describe_model states them',
  },
  // Requests
  ERROR_INVALID_ARGUMENT: {
    meaning: 'an argument does not match the tool’s input schema',
    hint: 'compare the arguments with the inputSchema of tools/list',
  },
  ERROR_UNAUTHORIZED: {
    meaning: 'no client of this name with this token',
    hint: 'enrol with enrol_client, and send client_id and auth_token as enrolled',
  },
  ERROR_TOKEN_EXPIRED: {
    meaning: 'the token was right and has expired',
    hint: 'enrol again',
  },
  ERROR_ENROLMENT_REFUSED: {
    meaning: 'the enrolment code, certificate or proof of possession is not accepted',
    hint: 'ask the operator of the server for a new enrolment code',
  },
  ERROR_SIGNATURE_REQUIRED: {
    meaning: 'the request carries no signature, but this client enrolled with a key',
    hint: 'sign tool, arguments, timestamp, nonce and audience, and send the signature in _meta',
  },
  ERROR_SIGNATURE_INVALID: {
    meaning: 'the signature does not fit the request and the enrolled key',
    hint: 'sign the canonical form (RFC 8785) of exactly what is sent',
  },
  ERROR_REPLAYED: {
    meaning: 'a request with this nonce was seen before',
    hint: 'use a new nonce for every request',
  },
  ERROR_CLOCK_SKEW: {
    meaning: 'the timestamp is outside the accepted window',
    hint: 'set the clock',
  },
  ERROR_RATE_LIMITED: {
    meaning: 'too many requests in a short time',
    hint: 'wait for retry_after_ms',
    retryable: true,
  },
  ERROR_QUOTA_EXCEEDED: {
    meaning: 'a limit on sessions, keys or stored bytes of this client is reached',
    hint: 'finish or cancel sessions, revoke keys, or wait until they expire',
  },
  ERROR_STORAGE_FULL: {
    meaning: 'the server’s storage is full; nothing that it has is lost',
    hint: 'try again later; discard sessions and revoke keys that are of no more use',
    retryable: true,
  },
  ERROR_STORAGE_UNAVAILABLE: {
    meaning: 'the server’s database or object store does not answer; nothing that was acknowledged is lost',
    hint: 'try again in a moment',
    retryable: true,
  },
  ERROR_BUSY: {
    meaning: 'the evaluation queue is full',
    hint: 'wait for retry_after_ms',
    retryable: true,
  },
  // Models and parameters
  ERROR_UNKNOWN_MODEL: { meaning: 'no such model here', hint: 'see list_models' },
  ERROR_MODEL_AMBIGUOUS: {
    meaning: 'several models would fit',
    hint: 'name one of list_models with "model"',
  },
  ERROR_WEAK_PARAMETERS: {
    meaning: 'poly_modulus_degree and coeff_modulus miss the declared security_level',
    hint: 'use the parameters of describe_model',
  },
  ERROR_PARAMETER_MISMATCH: {
    meaning: 'a negotiation parameter differs from that of the keys and the model',
    hint: 'use the parameters of describe_model',
  },
  ERROR_SCHEME_MISMATCH: {
    meaning: 'scheme_context or algorithm_id differs from that of the keys and the model',
    hint: 'use the scheme of describe_model',
  },
  ERROR_PACKING_MISMATCH: {
    meaning: 'input_packing_format differs from what the model takes',
    hint: 'pack the input as describe_model states',
  },
  // Keys
  ERROR_UNKNOWN_KEY: {
    meaning: 'this client has no such key set',
    hint: 'provision evaluation keys: begin_key_provisioning, upload_evaluation_key_chunk, commit_evaluation_keys',
  },
  ERROR_KEY_EXPIRED: { meaning: 'the key set has expired', hint: 'provision it again' },
  ERROR_KEY_REVOKED: { meaning: 'the key set was revoked', hint: 'make new keys and provision them' },
  ERROR_KEY_NOT_READY: {
    meaning: 'the key set is not committed yet',
    hint: 'upload what get_key_status lists as missing, then commit_evaluation_keys',
  },
  ERROR_INVALID_EVALUATION_KEY: {
    meaning: 'an evaluation key is damaged, of the wrong size or of other parameters',
    hint: 'make the keys from the signature of describe_model and provision them again',
  },
  ERROR_SECRET_KEY_REFUSED: {
    meaning: 'a secret key was sent; it was not stored',
    hint: 'treat this key as exposed: make a new one, and send evaluation keys only',
  },
  // Uploads
  ERROR_CHUNK_TOO_LARGE: {
    meaning: 'a decoded chunk exceeds the negotiated maximum',
    hint: 'split files by the maxChunkBytes of the server’s capabilities',
  },
  ERROR_CHUNK_INVALID: {
    meaning: 'a chunk is not strict Base64, misses its SHA-256, or its index is out of range',
    hint: 'send the chunk again, in standard Base64 with padding',
  },
  ERROR_CHUNK_CONFLICT: {
    meaning: 'other bytes were sent for this chunk before, or another total_chunks',
    hint: 'use a new session, or a new file name',
  },
  ERROR_UPLOAD_INCOMPLETE: {
    meaning: 'chunks are missing',
    hint: 'get_session_status and get_key_status list what is missing',
  },
  ERROR_INVALID_CIPHERTEXT: {
    meaning: 'the staged files are not the ciphertexts that the model takes',
    hint: 'encrypt for this model, and upload to a new session',
  },
  ERROR_KEY_SET_MISMATCH: {
    meaning: 'ciphertexts and evaluation keys belong to different secret keys',
    hint: 'encrypt with the key set that was provisioned',
  },
  // Sessions
  ERROR_UNKNOWN_SESSION: { meaning: 'this client has no such session', hint: 'upload ciphertexts first' },
  ERROR_SESSION_EXPIRED: { meaning: 'the session’s data was removed', hint: 'start a new session' },
  ERROR_SESSION_CLOSED: {
    meaning: 'the session was evaluated already, or is being evaluated: its inputs are fixed',
    hint: 'use a new session_id for other inputs',
  },
  ERROR_RESULT_NOT_READY: {
    meaning: 'there is no result yet',
    hint: 'call remote_inference_cnn, and get_session_status until it is done',
    retryable: true,
  },
  ERROR_CANCELLED: {
    meaning: 'the evaluation was cancelled',
    hint: 'call remote_inference_cnn again to start anew',
  },
  ERROR_TIMEOUT: {
    meaning: 'the evaluation took longer than the server allows',
    hint: 'ask the operator for a higher limit',
  },
  ERROR_EVALUATION_FAILED: {
    meaning: 'the evaluation process failed',
    hint: 'call remote_inference_cnn again; the inputs are still here',
    retryable: true,
  },
  ERROR_MEMORY_EXCEEDED: {
    meaning: 'the keys and the model do not fit into the server’s memory bound',
    hint: 'ask the operator for a higher bound, or for a model with fewer keys',
  },
  ERROR_SHUTTING_DOWN: { meaning: 'the server is stopping', hint: 'try again later', retryable: true },
  ERROR_INTERNAL: { meaning: 'a bug of the server', hint: 'report it', retryable: true },
  // Federations
  ERROR_UNKNOWN_ROUND: {
    meaning: 'no round of this number is open',
    hint: 'describe_federation names the round that is',
  },
  ERROR_ROUND_STAGE: {
    meaning: 'the round is at another step, or over',
    hint: 'get_round_status tells the step; who was too late takes part in the next round',
  },
  ERROR_ROUND_PROTOCOL: {
    meaning: 'the round is of the other protocol: masks, or encrypted sums',
    hint: 'the terms of describe_federation name the protocol',
  },
  ERROR_ROUND_ABORTED: {
    meaning: 'the round ended without a sum; what it cost stays spent',
    hint: 'wait for the next round',
  },
  ERROR_ROUND_FULL: { meaning: 'as many as may have joined the round', hint: 'wait for the next round' },
  ERROR_NOT_IN_ROUND: {
    meaning: 'this participant is not, or no more, in the round',
    hint: 'join the next round in time',
  },
  ERROR_INVALID_MESSAGE: {
    meaning: 'a message of the round’s protocol has another form or content than it must have',
    hint: 'compare it with docs/protocol.md; nothing was changed by it',
  },
  ERROR_MESSAGE_CONFLICT: {
    meaning: 'something else was said in this round before: the first message counts',
    hint: 'resume from the state that was saved before the first one was sent',
  },
  ERROR_INVALID_UPDATE: {
    meaning: 'the update has another length, model or content than the round takes',
    hint: 'make it from the round’s global model: fetch_global_model, train, prepare_update',
  },
  ERROR_CONFIRMATIONS_MISSING: {
    meaning: 'too few participants have confirmed the list of survivors',
    hint: 'wait for more of them',
    retryable: true,
  },
  ERROR_TERMS_REFUSED: {
    meaning: 'terms of a federation that protect less than they have to, or cannot be kept',
    hint: 'see the table of policies in docs/federation.md; noise is raised and never lowered',
  },
  ERROR_NOT_OWNER: { meaning: 'only the owner of the federation may do this', hint: 'ask the owner' },
  ERROR_NOT_DECRYPTOR: {
    meaning: 'only the decryptor of the federation may do this',
    hint: 'he-compile decryptor does it',
  },
  ERROR_OPENING_REFUSED: {
    meaning: 'the decryptor opens one sum a round, of what was announced, admitted and confirmed',
    hint: 'open another round',
  },
  ERROR_FEDERATION_CLOSED: {
    meaning: 'the federation is closed, or the rounds that ε was planned for are over',
    hint: 'export_model has the result',
  },
  // The local side
  ERROR_AGGREGATOR_REFUSED: {
    meaning:
      'the aggregator shows a roster or a list that an honest one does not; nothing more is sent to it in this round',
    hint: 'tell the owner and the other participants',
  },
  ERROR_FLOOR_NOT_MET: {
    meaning: 'the federation protects less than this participant’s floor; nothing was sent',
    hint: 'ask the owner for a stricter policy',
  },
  ERROR_BUDGET_EXCEEDED: {
    meaning: 'the round would exceed this participant’s privacy budget; nothing was sent',
    hint: 'privacy_ledger tells what is spent, and it stays spent',
  },
  ERROR_PATH_REFUSED: {
    meaning: 'a path is outside the allowed folders',
    hint: 'use a folder given with --root',
  },
  ERROR_INVALID_INPUT: {
    meaning: 'the input file cannot be read as an input of the model',
    hint: 'pass a PNG, JPEG or .npy of the right size',
  },
  ERROR_INPUT_OUT_OF_RANGE: {
    meaning: 'the input is outside of the range that the model was certified for; nothing was encrypted',
    hint: 'check how the input is prepared; allow_out_of_range goes on with a warning',
  },
  ERROR_OUTPUT_OUT_OF_RANGE: {
    meaning: 'the decrypted result is nothing that the model can give; it is not shown',
    hint: 'check the input; do not tell the server of this, nor have it evaluate the same ciphertexts again',
  },
  ERROR_KEYSTORE_LOCKED: {
    meaning: 'the key store cannot be opened',
    hint: 'give the passphrase that it was made with',
  },
  ERROR_REMOTE: {
    meaning: 'the remote server failed, could not be reached, or did not prove who it is',
    hint: 'see the message',
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value);
}

/** A `ProtocolError` with a code and hint of the table. */
export class ToolError extends ProtocolError {
  declare readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  /** What a remote server says of it, in its own words: one line, and untrusted. */
  readonly remoteMessage: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: { retryAfterMs?: number; remoteMessage?: string; cause?: unknown } = {},
  ) {
    super(code, message, {
      hint: ERROR_TABLE[code].hint,
      ...(details.cause === undefined ? {} : { cause: details.cause }),
    });
    this.retryAfterMs = details.retryAfterMs;
    this.remoteMessage = details.remoteMessage;
  }
}

export function isRetryable(code: ErrorCode): boolean {
  const entry: ErrorEntry = ERROR_TABLE[code];
  return entry.retryable === true;
}
