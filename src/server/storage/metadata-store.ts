/**
 * The records behind one interface, so that another database can take the embedded one's place. Every call is one
 * transaction that is durable when its promise resolves, but for nonces; all lookups are by client, so that no query can cross clients.
 */
import type {
  ChunkRecord,
  ClientRecord,
  InvitationRecord,
  KeySetRecord,
  NewUpload,
  QueuePlace,
  SessionRecord,
  UploadOwner,
  UploadRecord,
} from './records.ts';

export interface MetadataStore extends AsyncDisposable {
  /** Lets one action at a time through for each name, in all processes that share the records. Not to be nested. */
  exclusive<T>(name: string, action: () => Promise<T>): Promise<T>;

  // Clients
  client(clientId: string): Promise<ClientRecord | null>;
  clientByToken(tokenHash: string): Promise<ClientRecord | null>;
  clientCount(): Promise<number>;
  /** Replaces the client of the same name. */
  putClient(client: ClientRecord): Promise<void>;
  deleteClient(clientId: string): Promise<void>;
  putInvitation(invitation: InvitationRecord): Promise<void>;
  hasInvitation(codeHash: string, now: number): Promise<boolean>;
  /**
   * Takes the invitation away, if it is in time and meant for this name or for any: each is used once, by whom it is for.
   * @param named whether one for any name will not do
   */
  takeInvitation(codeHash: string, clientId: string, now: number, named?: boolean): Promise<boolean>;
  /** False if the nonce was there before. Survives the process at once, and the machine once `settled`. */
  addNonce(clientId: string, nonce: string, expiresAt: number): Promise<boolean>;
  /** Resolves when everything is durable that was said before. */
  settled(): Promise<void>;

  // Key sets
  keySet(clientId: string, keyRef: string): Promise<KeySetRecord | null>;
  /** Newest first. */
  keySets(clientId: string): Promise<KeySetRecord[]>;
  putKeySet(record: KeySetRecord): Promise<void>;
  /** Whatever it was before: for good. */
  revokeKeys(clientId: string, keyRef: string): Promise<void>;
  /** Of keys that are being provisioned; false for all others. */
  settleKeys(
    clientId: string,
    keyRef: string,
    state: 'active' | 'rejected',
    rejection: string | null,
    at: number,
  ): Promise<boolean>;
  deleteKeySet(clientId: string, keyRef: string): Promise<void>;

  // Uploads
  upload(owner: UploadOwner, fileName: string): Promise<UploadRecord | null>;
  uploads(owner: UploadOwner): Promise<UploadRecord[]>;
  /** The upload that is there: the first one fixes `totalChunks`. */
  beginUpload(upload: NewUpload): Promise<UploadRecord>;
  chunk(owner: UploadOwner, fileName: string, index: number): Promise<ChunkRecord | null>;
  /** Ascending by index. */
  chunks(owner: UploadOwner, fileName: string): Promise<ChunkRecord[]>;
  /** Of an upload that was begun; nothing if the chunk is there. */
  putChunk(owner: UploadOwner, fileName: string, chunk: ChunkRecord): Promise<void>;
  deleteUploads(owner: UploadOwner): Promise<void>;
  /** Bytes of all chunks of a client, or of one owner. */
  stagedBytes(clientId: string, owner?: UploadOwner): Promise<number>;
  /** Of all clients. */
  storedBytes(): Promise<number>;

  // Sessions
  session(clientId: string, sessionId: string): Promise<SessionRecord | null>;
  sessionCount(clientId: string): Promise<number>;
  /** At most `most` of those that were queued once and are not past their time, in that order, behind `after`. */
  orderedSessions(
    clientId: string,
    after: QueuePlace | null,
    now: number,
    most: number,
  ): Promise<SessionRecord[]>;
  putSession(record: SessionRecord): Promise<void>;
  deleteSession(clientId: string, sessionId: string): Promise<void>;
  /** Of all clients, in the order in which they were queued: what a restart takes up again. */
  unfinishedSessions(): Promise<SessionRecord[]>;

  /** Sessions and key sets past their time, and forgets nonces and invitations that are. */
  expired(now: number): Promise<{ readonly sessions: SessionRecord[]; readonly keySets: KeySetRecord[] }>;
}
