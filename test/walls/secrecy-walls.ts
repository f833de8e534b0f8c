/**
 * Who may come near secret keys. Code for secret keys is known by what it is: a file called `secret-…`, the folders that hold
 * secret keys, what holds the secrets of a participant's masks or noise, and whatever makes node-seal's key generator or decryptor. All other
 * files may not reach it over any number of imports, type-only ones included, unless they are listed here: what nobody thought of is refused.
 */
import {
  type Breach,
  type ModuleGraph,
  type SourceTree,
  isModule,
  isTest,
  pathTo,
  reaching,
} from './module-graph.ts';

/** Folders whose every file counts as code for secret keys. */
const SECRET_FOLDERS = ['src/runtime/client/', 'src/server/crypto/'];
/** The only other places where such a file may stand. */
const SECRET_PLACES =
  /^src\/(runtime\/(backends\/[^/]+\/secret-side|formats\/secret-key)|federation\/(secure-aggregation\/(participant(-state)?|exchange-shares)|encrypted-sum\/participant))\.ts$/;

/** Holds both ends, or starts who does: the client's commands, the library's door, and what measures and tests the whole. */
const MAY_REACH_SECRETS = [
  'src/index.ts',
  ...['bench', 'crypto', 'decrypt', 'decryptor', 'demo', 'federate-demo', 'infer', 'keygen', 'run'].map(
    (command) => `cli/commands/${command}.ts`,
  ),
  // A whole federation on one machine: what is trained on, participants, and an aggregator beside them.
  'cli/federation/',
  // Says which decryptor a participant knows.
  'cli/federation-floor.ts',
  'cli/inference.ts',
  'cli/local-side.ts',
  'cli/main.ts',
  'cli/measure/',
  'cli/process/',
  'cli/report/result-text.ts',
  'cli/results.ts',
  'cli/run-command.ts',
  'bench/',
  'conformance/',
  'scripts/fuzz-objects.ts',
  'scripts/mcp-clients.ts',
  'scripts/mcp-inspector.ts',
  // Describe the tools of the local server.
  'scripts/generate-protocol-docs.ts',
  'scripts/protocol-document.ts',
  'test/',
  // Test support that needs both ends.
  'src/federation/encrypted-sum/testing/',
  'src/federation/secure-aggregation/testing/',
  'cli/testing/',
  'src/runtime/backends/native/testing/',
  'src/runtime/backends/testing/',
  'src/server/testing/',
  // Starts the command line.
  'bin/he-compile.js',
];

/** Keeps the owner's secrets: keys, tokens, passphrases. The client may use it; a server for others never. */
const VAULT = 'src/server/vault/';
const MAY_REACH_VAULT = [...MAY_REACH_SECRETS, ...SECRET_FOLDERS, VAULT, 'src/server/client/'];

/** The addon with the code for secret keys, by name, and the files that may name it. */
const SECRET_ADDON = /['"`]he_secret['"`]/;
const SECRET_ADDON_NAMED_IN = [
  'scripts/build-native.js',
  'src/runtime/backends/native/load-addon.ts',
  'src/runtime/backends/native/secret-side.ts',
  // Rings too small for what `secret-side.ts` lets pass.
  'src/runtime/backends/native/testing/bootstrap-party.ts',
  'src/runtime/backends/native/testing/torment.ts',
];
/** node-seal's classes for secret keys, and who may make them besides code for secret keys: measurements, and foreign objects for tests. */
const SECRET_CLASS = /\bnew\s+[\w.#]*\b(KeyGenerator|Decryptor|SecretKey)\s*\(/;
const SECRET_CLASS_MADE_IN = [
  'bench/kernels/seal-operations.ts',
  'src/runtime/backends/testing/measure-noise.ts',
  'src/runtime/backends/testing/untrusted-objects.ts',
];

export function isSecretSide(file: string): boolean {
  if (!isModule(file) || isTest(file)) return false;
  return (
    /(^|\/)secret-[^/]*$/.test(file) ||
    SECRET_PLACES.test(file) ||
    SECRET_FOLDERS.some((folder) => file.startsWith(folder))
  );
}

/** Every way in which code for secret keys stands or is reached where it must not; the detail names the path. */
export function secrecyBreaches(tree: SourceTree, graph: ModuleGraph): Breach[] {
  const breaches: Breach[] = [];
  const breach = (file: string, detail: string): void => {
    breaches.push({ wall: 'secret-side', file, detail });
  };
  const among = (places: readonly string[], file: string): boolean =>
    places.some((place) => file.startsWith(place));
  const isVault = (file: string): boolean => file.startsWith(VAULT);
  const reachSecrets = reaching(isSecretSide, graph);
  const reachVault = reaching(isVault, graph);
  for (const [file, text] of tree) {
    if (!isModule(file) || isTest(file)) continue;
    const secret = isSecretSide(file);
    if (secret && !among(SECRET_FOLDERS, file) && !SECRET_PLACES.test(file))
      breach(file, 'stands where no code for secret keys may stand');
    // An addon is loaded by its name, which no import shows.
    if (SECRET_ADDON.test(text) && !SECRET_ADDON_NAMED_IN.includes(file))
      breach(file, 'names the addon for secret keys');
    if (SECRET_CLASS.test(text) && !secret && !SECRET_CLASS_MADE_IN.includes(file))
      breach(file, 'makes keys or decrypts');
    if (reachSecrets.has(file) && !secret && !among(MAY_REACH_SECRETS, file))
      breach(file, pathTo(isSecretSide, file, graph)!.join(' → '));
    if (reachVault.has(file) && !among(MAY_REACH_VAULT, file))
      breach(file, pathTo(isVault, file, graph)!.join(' → '));
  }
  return breaches;
}
