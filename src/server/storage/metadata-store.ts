/**
 * The records behind one interface, so that another database can take the embedded one's place. Every call is one
 * transaction that is durable when it returns, but for nonces; all lookups are by client, so that no query can cross clients.
 */
import type {
  ChunkRecord,
  ClientRecord,
  InvitationRecord,
  KeySetRecord,
  KeyState,
  NewUpload,
  QueuePlace,
  SessionRecord,
  UploadOwner,
  UploadRecord,
} from './records.ts';

export interface MetadataStore extends Disposable {
  // Clients
  client(clientId: string): ClientRecord | null;
  clientByToken(tokenHash: string): ClientRecord | null;
  clientCount(): number;
  /** Replaces the client of the same name. */
  putClient(client: ClientRecord): void;
  deleteClient(clientId: string): void;
  putInvitation(invitation: InvitationRecord): void;
  hasInvitation(codeHash: string, now: number): boolean;
  /**
   * Takes the invitation away, if it is in time and meant for this name or for any: each is used once, by whom it is for.
   * @param named whether one for any name will not do
   */
  takeInvitation(codeHash: string, clientId: string, now: number, named?: boolean): boolean;
  /** False if the nonce was there before. Survives the process at once, and the machine once `settled`. */
  addNonce(clientId: string, nonce: string, expiresAt: number): boolean;
  /** Resolves when everything is durable that was said before. */
  settled(): Promise<void>;

  // Key sets
  keySet(clientId: string, keyRef: string): KeySetRecord | null;
  /** Newest first. */
  keySets(clientId: string): KeySetRecord[];
  putKeySet(record: KeySetRecord): void;
  setKeyState(clientId: string, keyRef: string, state: KeyState, rejection: string | null, at: number): void;
  deleteKeySet(clientId: string, keyRef: string): void;

  // Uploads
  upload(owner: UploadOwner, fileName: string): UploadRecord | null;
  uploads(owner: UploadOwner): UploadRecord[];
  /** The upload that is there: the first one fixes `totalChunks`. */
  beginUpload(upload: NewUpload): UploadRecord;
  chunk(owner: UploadOwner, fileName: string, index: number): ChunkRecord | null;
  /** Ascending by index. */
  chunks(owner: UploadOwner, fileName: string): ChunkRecord[];
  /** Of an upload that was begun; nothing if the chunk is there. */
  putChunk(owner: UploadOwner, fileName: string, chunk: ChunkRecord): void;
  deleteUploads(owner: UploadOwner): void;
  /** Bytes of all chunks of a client, or of one owner. */
  stagedBytes(clientId: string, owner?: UploadOwner): number;
  /** Of all clients. */
  storedBytes(): number;

  // Sessions
  session(clientId: string, sessionId: string): SessionRecord | null;
  sessionCount(clientId: string): number;
  /** At most `most` of those that were queued once and are not past their time, in that order, behind `after`. */
  orderedSessions(clientId: string, after: QueuePlace | null, now: number, most: number): SessionRecord[];
  putSession(record: SessionRecord): void;
  deleteSession(clientId: string, sessionId: string): void;
  /** Of all clients, in the order in which they were queued: what a restart takes up again. */
  unfinishedSessions(): SessionRecord[];

  /** Sessions and key sets past their time, and forgets nonces and invitations that are. */
  expired(now: number): { readonly sessions: SessionRecord[]; readonly keySets: KeySetRecord[] };
}
