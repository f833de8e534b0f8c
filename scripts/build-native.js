#!/usr/bin/env node
// Builds native/build/Release/he_engine.node and he_secret.node. Plain JavaScript, because Node reads no TypeScript inside
// node_modules, where the published package lies.
//   node scripts/build-native.js                 fails if it cannot
//   node scripts/build-native.js --if-possible   on install: where something is missing, says so in a line, records why
//                                                (native/build/status.json) and succeeds, because node-seal serves instead
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ADDONS = ['he_engine', 'he_secret'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');
const build = join(native, 'build');
const log = join(build, 'build.log');
const ifPossible = process.argv.includes('--if-possible');

/** Why there is no addon: something is missing here, or the build went wrong. */
class Obstacle extends Error {}

const start = Date.now();
try {
  if (process.env.HE_COMPILE_NATIVE === 'off') throw new Obstacle('HE_COMPILE_NATIVE=off forbids it');
  const tools = findTools();
  runNodeGyp(tools);
  for (const addon of ADDONS) tryToLoad(addon);
  record({ built: true, compiler: tools.version });
  const seconds = ((Date.now() - start) / 1000).toFixed(0);
  console.log(`he-compile: built the native engine in ${seconds} s (${tools.version})`);
} catch (error) {
  if (!(error instanceof Obstacle)) throw error;
  for (const addon of ADDONS) rmSync(addonFile(addon), { force: true });
  record({ built: false, reason: error.message });
  console.log(`he-compile: the native engine was not built: ${error.message}; node-seal serves instead`);
  if (!ifPossible) process.exitCode = 1;
}

function addonFile(addon) {
  return join(build, 'Release', `${addon}.node`);
}

function record(status) {
  mkdirSync(build, { recursive: true });
  writeFileSync(join(build, 'status.json'), `${JSON.stringify(status)}\n`);
}

function findTools() {
  if (process.platform === 'win32') throw new Obstacle('Windows is not supported');
  if (!['x64', 'arm64'].includes(process.arch)) throw new Obstacle(`${process.arch} is not supported`);
  const compilers = process.env.CXX === undefined ? ['g++', 'c++', 'clang++'] : [process.env.CXX];
  const cxx = compilers.find((name) => succeeds(name, ['--version']));
  if (cxx === undefined) throw new Obstacle(`no C++ compiler was found (${compilers.join(', ')})`);
  if (!compilesCxx20(cxx)) throw new Obstacle(`${cxx} does not know C++20 (GCC 12 and Clang 16 do)`);
  if (!succeeds('make', ['--version'])) throw new Obstacle('make was not found');
  const python = [process.env.PYTHON, 'python3', 'python'].find(
    (name) => name !== undefined && succeeds(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']),
  );
  if (python === undefined) throw new Obstacle('Python 3.8 or newer was not found');
  return { cxx, python, version: run(cxx, ['--version']).stdout.split('\n')[0] };
}

function run(program, args, options = {}) {
  return spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
}

function succeeds(program, args, options) {
  return run(program, args, options).status === 0;
}

function compilesCxx20(cxx) {
  const program =
    '#include <bit>\n#include <span>\nint main() { return std::span<int>().empty() ? std::has_single_bit(3u) : 1; }\n';
  const args = ['-std=c++20', '-x', 'c++', '-', '-fsyntax-only'];
  return succeeds(cxx, args, { input: program, cwd: tmpdir() });
}

function runNodeGyp({ cxx, python }) {
  const require = createRequire(import.meta.url);
  let nodeGyp, headers;
  try {
    nodeGyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin', 'node-gyp.js');
    headers = require('node-api-headers').include_dir;
  } catch {
    throw new Obstacle('the packages node-gyp and node-api-headers are not installed');
  }
  const args = [
    nodeGyp,
    'configure',
    'build',
    `--directory=${native}`,
    `--nodedir=${join(native, 'node-api')}`,
    `--python=${python}`,
    `--jobs=${availableParallelism()}`,
    // What node-gyp does not know becomes a variable of binding.gyp.
    `--node_api_headers=${headers}`,
    `--warnings_are_errors=${process.env.HE_COMPILE_NATIVE_STRICT === 'true'}`,
  ];
  const { status, stdout, stderr } = run(process.execPath, args, { env: environment(cxx) });
  mkdirSync(build, { recursive: true });
  writeFileSync(log, `${stdout}\n${stderr}`);
  if (status === 0) return;
  if (!ifPossible) process.stderr.write(`${stdout}\n${stderr}`);
  const first = stderr.split('\n').find((line) => /\berror\b|ERR!.*Error/i.test(line)) ?? 'see the log';
  throw new Obstacle(`it did not compile (${first.trim().slice(0, 120)}; ${log})`);
}

/** What npm is configured with (a `nodedir`, say) would come before the arguments above; the source lists need this `node`. */
function environment(cxx) {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_(package_)?config_/i.test(name));
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  return { ...Object.fromEntries(own), CXX: cxx, PATH: path };
}

/** In a process of its own, which an addon that is broken cannot take along. */
function tryToLoad(addon) {
  const file = addonFile(addon);
  if (!existsSync(file)) throw new Obstacle(`${addon} was not made (${log})`);
  const { status, stderr } = run(process.execPath, ['-e', 'require(process.argv[1])', file]);
  if (status === 0) return;
  throw new Obstacle(
    `${addon} cannot be loaded: ${/Error: (.*)/.exec(stderr)?.[1] ?? `exit status ${status}`}`,
  );
}
