/** `he-compile infer` on loopback: all that is not evaluation, for a first run that sends keys and for later ones that do not. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../src/program/artifact.ts';
import { Random } from '../src/compiler/random.ts';
import { npyFile } from '../src/data/testing/sample-files.ts';
import { heCompile } from './measure.ts';

const LATER_RUNS = 5;
const MEGABYTE = 1e6;

/** What is read of `infer --json`. */
interface InferReport {
  readonly latencyMs: Readonly<Record<string, number>> & {
    readonly total: number;
    readonly serverEvaluation: number;
    readonly overhead: number;
  };
  readonly bytes: {
    readonly evaluationKeysSent: number;
    readonly inputCiphertexts: number;
    readonly outputCiphertexts: number;
  };
}

export interface Overhead {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly latencyMs: InferReport['latencyMs'];
  readonly overheadMsPerSentMegabyte: number;
}

/** Total milliseconds from the start of `infer` to its answer, minus the evaluation; later runs: the one in the middle. */
export async function measureOverhead(
  url: string,
  artifact: Artifact,
  folder: string,
): Promise<{ readonly first: Overhead; readonly later: Overhead; readonly laterRuns: number }> {
  const random = new Random(1);
  const images: string[] = [];
  for (const { name, layout } of artifact.signature.inputs) {
    const path = join(folder, `${name.replace(/\W/g, '_')}.npy`);
    const values = Float32Array.from({ length: layout.shape.reduce((a, b) => a * b, 1) }, () =>
      random.next(),
    );
    await writeFile(path, npyFile('<f4', layout.shape, new Uint8Array(values.buffer)));
    images.push('--image', path);
  }
  const infer = async (): Promise<Overhead> => {
    const local = ['--store', join(folder, 'vault'), '--key-file', join(folder, 'vault.key')];
    return overheadOf((await heCompile('infer', '--server', url, ...images, ...local)) as InferReport);
  };
  const first = await infer();
  const later: Overhead[] = [];
  for (let run = 0; run < LATER_RUNS; run++) later.push(await infer());
  const sorted = later.toSorted((a, b) => a.latencyMs.overhead - b.latencyMs.overhead);
  return { first, later: sorted[Math.floor(LATER_RUNS / 2)]!, laterRuns: LATER_RUNS };
}

function overheadOf({ latencyMs, bytes }: InferReport): Overhead {
  const sentBytes = bytes.evaluationKeysSent + bytes.inputCiphertexts;
  return {
    sentBytes,
    receivedBytes: bytes.outputCiphertexts,
    latencyMs,
    overheadMsPerSentMegabyte: latencyMs.overhead / (sentBytes / MEGABYTE),
  };
}
