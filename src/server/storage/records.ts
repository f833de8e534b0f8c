/** What the servers remember, apart from bytes. Times are milliseconds since 1970. */

export interface ClientRecord {
  readonly clientId: string;
  /** SHA-256, hex, of the token: random tokens need no slow hash. */
  readonly tokenHash: string;
  readonly tokenExpiresAt: number;
  /** SubjectPublicKeyInfo, Base64; null only where unsigned requests are allowed. */
  readonly publicKey: string | null;
  /** Subject of the certificate that it enrolled with. */
  readonly certificateSubject: string | null;
  readonly createdAt: number;
}

export interface InvitationRecord {
  readonly codeHash: string;
  /** Name that it is meant for; null: any. */
  readonly clientId: string | null;
  readonly expiresAt: number;
}

export interface KeyFile {
  readonly fileName: string;
  readonly bytes: number;
  readonly sha256: string;
}

export type KeyState = 'provisioning' | 'active' | 'rejected' | 'revoked';

export interface KeySetRecord {
  readonly clientId: string;
  readonly keyRef: string;
  readonly algorithmId: string;
  /** The model it was provisioned for; other models of the same parameters may use it too. */
  readonly model: string;
  readonly files: readonly KeyFile[];
  readonly state: KeyState;
  /** Code of the reason why it was rejected. */
  readonly rejection: string | null;
  readonly createdAt: number;
  readonly activatedAt: number | null;
  readonly expiresAt: number;
}

/** A file that arrives in chunks, of a session or of a key set. */
export interface UploadRecord {
  readonly owner: UploadOwner;
  readonly fileName: string;
  readonly totalChunks: number;
  readonly receivedChunks: number;
  readonly receivedBytes: number;
}

export type NewUpload = Omit<UploadRecord, 'receivedChunks' | 'receivedBytes'>;

export interface UploadOwner {
  readonly clientId: string;
  readonly kind: 'session' | 'keys' | 'update';
  /** Session id, key reference, or number of a round. */
  readonly id: string;
}

export interface ChunkRecord {
  readonly index: number;
  readonly bytes: number;
  readonly sha256: string;
}

export type SessionState = 'staging' | 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface SessionRecord {
  readonly clientId: string;
  readonly sessionId: string;
  readonly state: SessionState;
  readonly model: string | null;
  readonly keyRef: string | null;
  readonly ompThreads: number | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Order of arrival in the queue, so that a restart keeps it. */
  readonly queuedAt: number | null;
  /** Stamped by the store. */
  readonly updatedAt?: number;
  readonly outcome: SessionOutcome | null;
}

/** In the order of arrival in the queue, also of those that have left it. */
export interface QueuePlace {
  readonly queuedAt: number;
  readonly sessionId: string;
}

export type SessionOutcome =
  | {
      readonly ok: true;
      readonly resultBytes: number;
      readonly resultSha256: string;
      readonly inferSeconds: number;
      readonly remainingLevel: number | null;
      readonly scale: number | null;
      readonly noiseBudgetBits: number | null;
      readonly depthUsed: number;
      readonly outputShape: readonly number[];
      /** Blob of the result; absent in older records. */
      readonly resultKey?: string;
    }
  | { readonly ok: false; readonly errorCode: string; readonly message: string };
