/**
 * The same wall in the engine's C++: `native/secret` and every file called `secret…` hold the code for secret keys, and the
 * engine's addon may neither include, name, nor be linked with it.
 */
import { type Breach, type SourceTree, pathTo } from './module-graph.ts';

const INCLUDE = /^[ \t]*#[ \t]*include[ \t]*"([^"]+)"/gm;
/** May include it: its own addon and tests, and the bench that checks what it timed. */
const MAY_REACH_SECRETS =
  /^native\/(tests\/(secret_test|fuzz_secret_key|engine_test)\.cpp|tests\/engine_support\.h|bench\/engine\.cpp)$/;

function isSource(file: string): boolean {
  return /^native\/.*\.(h|hpp|c|cc|cpp|inl)$/.test(file);
}

function isSecret(file: string): boolean {
  return isSource(file) && /^native\/(secret\/|(?!tests\/).*\/?secret[^/]*$)/.test(file);
}

/** Included files by place: beside the includer, or under native/, as the compiler looks for them. */
function includesOf(file: string, text: string, tree: SourceTree): string[] {
  return [...text.matchAll(INCLUDE)].flatMap((match) => {
    const beside = new URL(match[1]!, `file:///${file}`).pathname.slice(1);
    const candidates = [beside, `native/${match[1]!}`];
    return candidates.filter((candidate) => tree.has(candidate)).slice(0, 1);
  });
}

export function nativeBreaches(tree: SourceTree): Breach[] {
  const breaches: Breach[] = [];
  const breach = (file: string, detail: string): void => {
    breaches.push({ wall: 'secret-side', file, detail });
  };
  const graph = new Map<string, string[]>();
  for (const [file, text] of tree) if (isSource(file)) graph.set(file, includesOf(file, text, tree));
  for (const [file, text] of tree) {
    if (file.endsWith('.gyp')) {
      for (const target of linkedWithSecrets(text)) breach(file, `links ${target} with code for secret keys`);
    }
    if (isSecret(file) && !/^native\/(secret|addon)\//.test(file))
      breach(file, 'stands where no code for secret keys may stand');
    if (!graph.has(file) || isSecret(file) || MAY_REACH_SECRETS.test(file)) continue;
    const path = pathTo(isSecret, file, graph);
    if (path !== null) breach(file, path.join(' → '));
    if (/\bhe::secret\b|\bnamespace\s+(he\s*::\s*)?secret\b/.test(text)) breach(file, 'names he::secret');
  }
  return breaches;
}

/** Targets of a gyp file, but for the addon that is for it, whose sources or dependencies are secret. */
function linkedWithSecrets(text: string): string[] {
  const targets = text.split(/'target_name':/).slice(1);
  return targets.flatMap((target) => {
    const name = /'([^']+)'/.exec(target)?.[1] ?? '';
    const sources = [...target.matchAll(/'(?:sources|dependencies)':\s*\[([^\]]*)\]/g)].map((m) => m[1]!);
    return !/^he_secret$/.test(name) && sources.some((list) => list.includes('secret')) ? [name] : [];
  });
}
