/**
 * The local, secret side as a library, `he-compile/crypto`: the key store, and what stands behind the tools of the local
 * server. Whoever has these services open can decrypt.
 */
export { CryptoServer, type CryptoServerOptions } from './crypto-server.ts';
export { LocalCryptographyOfServices } from './local-cryptography.ts';
export { withRemote } from './named-server.ts';
export { openCryptoServices, type CryptoSettings, type OpenCryptoServices } from './open-services.ts';
export type { NamedServer } from './configured-server.ts';
export type { CryptoServices } from './services.ts';
