/** Titles of the tests of a file that run, read from its source. */
import ts from 'typescript';

/** Modifiers under which a test does not run, or need not hold. */
const INACTIVE = ['skip', 'todo', 'fails', 'skipIf', 'runIf'];

/** Titles, and what tables put into them: the texts of the rows of `it.each`. */
export function activeTitles(source: string): string[] {
  const file = ts.createSourceFile('test.ts', source, ts.ScriptTarget.Latest, true);
  const titles: string[] = [];
  const focused: string[] = [];
  const visit = (node: ts.Node): void => {
    const call = ts.isCallExpression(node) ? testCall(node) : null;
    // What stands in a skipped suite or test is not looked at.
    if (call !== null && !call.active) return;
    if (call !== null && call.isTest) (call.only ? focused : titles).push(...call.titles(file));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return focused.length > 0 ? focused : titles;
}

interface TestCall {
  readonly isTest: boolean;
  readonly active: boolean;
  readonly only: boolean;
  readonly titles: (file: ts.SourceFile) => string[];
}

/** The call of `it`, `test` or a suite whose last argument is its body; null for any other call. */
function testCall(call: ts.CallExpression): TestCall | null {
  const modifiers: string[] = [];
  const tables: ts.Expression[] = [];
  let callee: ts.Expression = call.expression;
  for (;;) {
    if (ts.isPropertyAccessExpression(callee)) {
      modifiers.push(callee.name.text);
      callee = callee.expression;
    } else if (ts.isCallExpression(callee)) {
      tables.push(...callee.arguments);
      callee = callee.expression;
    } else break;
  }
  if (!ts.isIdentifier(callee)) return null;
  const isTest = ['it', 'test'].includes(callee.text);
  if (!isTest && !callee.text.startsWith('describe')) return null;
  // `it.each(rows)` is the start of a call, not a test yet.
  const [title] = call.arguments;
  const body = call.arguments.find((argument) => ts.isFunctionLike(argument));
  const whole = body !== undefined;
  const skipped =
    modifiers.some((modifier) => INACTIVE.includes(modifier)) ||
    call.arguments.some(
      (argument) =>
        ts.isObjectLiteralExpression(argument) && /\b(skip|todo|fails)\b/.test(argument.getText()),
    ) ||
    (isTest && body !== undefined && /\.skip\(|\bskip\(\)/.test(body.getText()));
  return {
    isTest: isTest && whole,
    active: !skipped,
    only: modifiers.includes('only'),
    titles: (file) => [title, ...tables].flatMap((part) => (part === undefined ? [] : textsOf(part, file))),
  };
}

/** Every text in an expression; a name stands for what it is declared as, in the file. */
function textsOf(expression: ts.Expression, file: ts.SourceFile): string[] {
  const texts: string[] = [];
  const seen = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) texts.push(node.text);
    if (ts.isIdentifier(node) && !seen.has(node.text)) {
      seen.add(node.text);
      const declared = declarationOf(node.text, file);
      if (declared !== null) visit(declared);
    }
    ts.forEachChild(node, visit);
  };
  visit(expression);
  return texts;
}

function declarationOf(name: string, file: ts.SourceFile): ts.Expression | null {
  let found: ts.Expression | null = null;
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.name.text === name)
      found ??= node.initializer ?? null;
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
