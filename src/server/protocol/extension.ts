/** How the two sides recognise each other: names in capabilities and `_meta`, under a domain of the project's own. */

export const EXTENSION = 'dev.he-compile/ciphertext-inference';
/** `_meta` field of requests and results that carries a signature. */
export const SIGNATURE_META = 'dev.he-compile/signature';
export const DRAFT = 'draft-li-pearg-ciphertext-inference-tool-mcp-00';

/** Settings of the extension, as the remote server declares them under `capabilities.extensions` and `experimental`. */
export interface ExtensionSettings {
  readonly draft: typeof DRAFT;
  /** Largest decoded chunk. */
  readonly maxChunkBytes: number;
  readonly sessionQuota: { readonly sessions: number; readonly bytes: number };
  readonly schemes: readonly string[];
  /** Algorithm identifiers of the models served. */
  readonly parameterSets: readonly string[];
  readonly integrity: readonly string[];
  readonly keyTransport: readonly string[];
  /** Names the server in signed requests and checks its answers. */
  readonly serverKey: string;
}
