#!/usr/bin/env node
// Plain JavaScript that any Node of the last years can read: the WebAssembly of node-seal needs Node 22.12 or
// newer, so an older one hands over to the project's own Node (npm package "node").
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MINIMUM = [22, 12];
const RELAUNCHED = 'HE_COMPILE_RELAUNCHED';
const script = fileURLToPath(import.meta.url);
const packageRoot = dirname(dirname(script));

const [major, minor] = process.versions.node.split('.').map(Number);
if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) await start();
else relaunch();

async function start() {
  const entry = join(packageRoot, 'dist', 'cli', 'main.js');
  if (!existsSync(entry)) {
    fail(
      'NOT_BUILT',
      'dist/cli/main.js is missing',
      'run "npm ci" or "npm run build" in the he-compile folder',
    );
    return;
  }
  const { main } = await import(new URL('../dist/cli/main.js', import.meta.url).href);
  process.exitCode = await main(process.argv.slice(2));
  // A handle that a library forgot must not keep the command alive.
  setTimeout(() => process.exit(), 2000).unref();
}

function relaunch() {
  const node = process.env[RELAUNCHED] === undefined ? findNode() : null;
  if (node === null) {
    fail(
      'NODE_TOO_OLD',
      `Node ${process.versions.node} is too old, expected ${MINIMUM.join('.')} or newer`,
      'install a newer Node, or add the npm package "node" (npm install node@24) next to he-compile',
    );
    return;
  }
  const child = spawn(node, [script, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, [RELAUNCHED]: '1' },
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const forward = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) =>
    fail('NODE_TOO_OLD', `cannot start ${node}: ${error.message}`, 'run npm ci again'),
  );
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward);
    if (signal === null) process.exitCode = code ?? 70;
    else process.kill(process.pid, signal);
  });
}

/** node_modules/node/bin/node beside this package, or in a folder above it where npm has hoisted it. */
function findNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  for (let folder = packageRoot; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', 'node', 'bin', name);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return null;
  }
}

function fail(code, message, hint) {
  if (process.argv.includes('--json')) console.log(JSON.stringify({ error: { code, message, hint } }));
  else console.error(`error ${code}: ${message}\n  to do: ${hint}`);
  process.exitCode = 1;
}
