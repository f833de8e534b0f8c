/** Collects every error code from the sources: who raises it, what it says, and what it advises. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import ts from 'typescript';
import { ERROR_TABLE } from '../src/server/protocol/error-codes.ts';

const ROOT = join(import.meta.dirname, '..');
const CLASSES = new Map([
  ['ImportError', 1],
  ['CompileError', 1],
  ['ArtifactError', 1],
  ['BackendError', 1],
  ['ProtocolError', 1],
  ['UsageError', 2],
  ['InternalError', 70],
]);
const CODE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;
const MAX_TEXT = 160;

interface LibraryCode {
  readonly classes: Set<string>;
  readonly rooms: Set<string>;
  readonly messages: Set<string>;
  readonly hints: Set<string>;
}

/** Markdown of docs/errors.md. */
export function errorsMarkdown(): string {
  const { library, protocol } = collectCodes();
  const lines = [
    '# Error codes',
    '',
    'Made by `node scripts/generate-error-docs.ts` from the sources; do not edit. Codes are stable, messages are not.',
    '',
    '## Of the protocol',
    '',
    'Tools of both servers answer them as `error_code`, beside `message`, `hint` and `retryable` (the same call may succeed later).',
    '',
    '| Code | Raised by | Meaning | What to do | Retry |',
    '| --- | --- | --- | --- | --- |',
  ];
  for (const [code, entry] of Object.entries(ERROR_TABLE)) {
    const rooms = [...(protocol.get(code) ?? [])].sort().map((room) => `\`${room}\``);
    const retry = 'retryable' in entry ? 'yes' : '';
    lines.push(row([`\`${code}\``, rooms.join(', '), entry.meaning, entry.hint, retry]));
  }
  lines.push(
    '',
    '## Of the library and the command line',
    '',
    'The `code` of an `HeError`, and of the document that `--json` prints. The exit status is 2 for a `UsageError`, 70 for an `InternalError`, otherwise 1. `…` stands for what is found at run time.',
    '',
    '| Code | Error | Raised by | Says | What to do |',
    '| --- | --- | --- | --- | --- |',
  );
  for (const code of [...library.keys()].sort()) {
    const { classes, rooms, messages, hints } = library.get(code)!;
    const list = (values: Set<string>): string =>
      [...values]
        .sort()
        .map((value) => `\`${value}\``)
        .join(', ');
    const first = (values: Set<string>): string => [...values].sort().slice(0, 2).join('; or: ');
    lines.push(row([`\`${code}\``, list(classes), list(rooms), first(messages), first(hints)]));
  }
  return `${lines.join('\n')}\n`;
}

/** Every code that is written in a `new …Error(` of the sources, or in a finding of the importer. */
export function collectCodes(): {
  readonly library: ReadonlyMap<string, LibraryCode>;
  readonly protocol: ReadonlyMap<string, ReadonlySet<string>>;
} {
  const library = new Map<string, LibraryCode>();
  const protocol = new Map<string, Set<string>>();
  for (const file of sources()) {
    const path = relative(ROOT, file).split(sep).join(posix.sep);
    const source = ts.createSourceFile(path, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    const room = posix.dirname(path);
    const record = (code: string, name: string, message: string, hint: string): void => {
      const entry = library.get(code) ?? emptyCode();
      library.set(code, entry);
      entry.classes.add(name);
      entry.rooms.add(room);
      addText(entry.messages, message);
      addText(entry.hints, hint);
    };
    const visit = (node: ts.Node): void => {
      ts.forEachChild(node, visit);
      if (isFinding(node)) {
        const [code, message, hint] = node.arguments;
        for (const found of codesOf(code)) record(found, 'ImportError', textOf(message), textOf(hint));
        return;
      }
      if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression)) return;
      const name = node.expression.text;
      const [first, second, third] = node.arguments ?? [];
      if (name === 'ToolError') {
        for (const code of codesOf(first)) add(protocol, code, room);
      } else if (name === 'InternalError') {
        // A broken invariant has a message of its own each time, and none for users.
        record('INTERNAL', name, 'a bug of he-compile', 'report it, with the model if you can');
      } else if (CLASSES.has(name)) {
        for (const code of codesOf(first)) record(code, name, textOf(second), hintOf(third));
      }
    };
    visit(source);
  }
  return { library, protocol };
}

/** The importer's collected findings: `report(code, message, hint)`. */
function isFinding(node: ts.Node): node is ts.CallExpression {
  return ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'report';
}

function emptyCode(): LibraryCode {
  return { classes: new Set(), rooms: new Set(), messages: new Set(), hints: new Set() };
}

function* sources(): Generator<string> {
  for (const folder of ['src', 'cli']) {
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const support = path.endsWith('.test.ts') || path.includes(`${sep}testing${sep}`);
      if (entry.isFile() && path.endsWith('.ts') && !support) yield path;
    }
  }
}

/** Of a literal, or of both sides of a condition. */
function codesOf(node: ts.Expression | undefined): readonly string[] {
  if (node === undefined) return [];
  if (ts.isStringLiteralLike(node)) return CODE.test(node.text) ? [node.text] : [];
  if (ts.isConditionalExpression(node)) return [...codesOf(node.whenTrue), ...codesOf(node.whenFalse)];
  return [];
}

function textOf(node: ts.Expression | undefined): string {
  if (node === undefined) return '';
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('');
  }
  return '';
}

function hintOf(node: ts.Expression | undefined): string {
  if (node === undefined || !ts.isObjectLiteralExpression(node)) return '';
  const hint = node.properties.find(
    (property): property is ts.PropertyAssignment =>
      ts.isPropertyAssignment(property) && property.name.getText() === 'hint',
  );
  return textOf(hint?.initializer);
}

function addText(texts: Set<string>, text: string): void {
  const plain = text.replace(/\s+/g, ' ').trim();
  if (plain !== '') texts.add(plain.length > MAX_TEXT ? `${plain.slice(0, MAX_TEXT - 1)}…` : plain);
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key) ?? new Set();
  map.set(key, values.add(value));
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
}
