import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, runHere } from './testing/run-cli.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-cli-'));
  await writeFile(join(folder, 'broken.onnx'), 'this is no model');
  await writeFile(join(folder, 'broken.hemodel'), 'this is no artifact');
});
afterAll(() => rm(folder, { recursive: true }));

describe('usage', () => {
  it('shows help', async () => {
    const { exitCode, stdout } = await runCli(['--help']);
    expect(exitCode).toBe(0);
    for (const verb of [
      'compile',
      'check',
      'inspect',
      'run',
      'bench',
      'keygen',
      'encrypt',
      'evaluate',
      'decrypt',
      'demo',
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${verb} `, 'm'));
    }
  });

  it('shows the options of a command, both ways', async () => {
    const [one, other] = [await runHere(['help', 'compile']), await runHere(['compile', '--help'])];
    expect([one.exitCode, other.exitCode]).toEqual([0, 0]);
    expect(one.stdout).toBe(other.stdout);
    for (const option of ['--calibration', '--max-key-mb', '--dump-ir-after', '--json'])
      expect(one.stdout).toContain(option);
  });

  it('prints the version', async () => {
    expect(await runCli(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
  });

  it.each([
    [[], /a command or a model is expected/],
    [['chek', 'model.onnx'], /neither a command nor a file/],
    [['inspect'], /missing required argument 'artifact'/],
    [['inspect', 'a', '--nope'], /unknown option '--nope'/],
    [['model.onnx', '--samples', 'many'], /expected a whole number from 1/],
    [['model.onnx', '--activation', 'x=cubic'], /NODE=degree:D/],
    [['model.onnx', '--security', '100'], /128, 192, 256/],
    [['model.onnx', '--optimize', 'latency', '--key-bandwidth', '50'], /does not count what keys cost/],
    [['model.onnx', '--report', 'x.pdf'], /\.html, \.md or \.json/],
  ])('%j is a usage error', async (args, message) => {
    const { exitCode, stdout, stderr } = await runHere(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect([exitCode, stdout]).toEqual([2, '']);
  });
});

describe('domain errors', () => {
  it.each([
    [['none.onnx'], 'FILE_NOT_FOUND'],
    [['.'], 'FILE_IS_DIRECTORY'],
    [['broken.onnx'], null],
    [['check', 'none.onnx'], 'FILE_NOT_FOUND'],
    [['inspect', 'none.hemodel'], 'FILE_NOT_FOUND'],
    [['inspect', 'broken.hemodel'], null],
    [['broken.onnx', '-o', 'no/such/folder/x.hemodel'], 'OUTPUT_UNWRITABLE'],
    [['broken.onnx', '-o', '.'], 'OUTPUT_UNWRITABLE'],
  ])('%j: one JSON document, exit code 1', async (args, code) => {
    const { exitCode, stdout, stderr } = await runHere([...args, '--json'], folder);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect(exitCode).toBe(1);
    if (code !== null) expect(error.code).toBe(code);
    expect(error.message.length).toBeGreaterThan(10);
    expect(stderr).not.toContain('error');
  });

  it('usage errors too are JSON with --json', async () => {
    const { exitCode, stdout } = await runCli(['inspect', '--json']);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE' } });
  });

  it('says what, where and what to do', async () => {
    const { stderr } = await runCli(['inspect', 'none.hemodel'], folder);
    expect(stderr).toMatch(/^error FILE_NOT_FOUND: the artifact: none\.hemodel does not exist\n {2}to do: /);
  });

  it('leaves no files behind', async () => {
    expect((await readdir(folder)).toSorted()).toEqual(['broken.hemodel', 'broken.onnx']);
  });
});
