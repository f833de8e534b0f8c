/**
 * The wall around `src/compiler/targets/`: what the compiler does for one backend alone stands there. Outside no file names a backend
 * to decide by it, or reaches past the registry, so that a newcomer is one file and one line.
 */
import ts from 'typescript';
import { type Breach, type ModuleGraph, type SourceTree, isTestSupport } from './module-graph.ts';

const ROOM = 'src/compiler/targets/';
/** Declares the names. */
const NAMES = 'src/compiler/options.ts';

/** What the room shows: the list, and what is said in its terms. */
const SHOWN = ['registry', 'target', 'outline', 'clear-parameters'].map((name) => `${ROOM}${name}.ts`);
/** One backend's own, where one is meant whatever a program is planned for. */
const MEANT: Readonly<Record<string, readonly string[]>> = {
  // Artifacts say why node-seal is out of the question.
  'src/compiler/passes/assemble-artifact.ts': [`${ROOM}seal-memory.ts`],
};

export function targetBreaches(tree: SourceTree, graph: ModuleGraph): Breach[] {
  const breaches: Breach[] = [];
  for (const [file, text] of tree) {
    if (!file.startsWith('src/compiler/') || file.startsWith(ROOM) || isTestSupport(file)) continue;
    const breach = (detail: string): void => {
      breaches.push({ wall: 'targets', file, detail });
    };
    for (const name of file === NAMES ? [] : namedBackends(file, text)) breach(`names the backend '${name}'`);
    for (const target of graph.get(file) ?? [])
      if (target.startsWith(ROOM) && !SHOWN.includes(target) && MEANT[file]?.includes(target) !== true)
        breach(`imports ${target} past the registry`);
  }
  return breaches;
}

/** A scheme is called 'cleartext', too: that is a backend's name only where it is held against one. */
function namedBackends(file: string, text: string): string[] {
  const named: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) {
      const { text: name } = node;
      if (name === 'native' || name === 'seal' || (name === 'cleartext' && isHeldAgainstBackend(node)))
        named.push(name);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return named;
}

function isHeldAgainstBackend({ parent }: ts.Node): boolean {
  const other = ts.isBinaryExpression(parent)
    ? `${parent.left.getText()} ${parent.right.getText()}`
    : ts.isCaseClause(parent)
      ? parent.parent.parent.expression.getText()
      : '';
  return /\bbackend\b/i.test(other);
}
