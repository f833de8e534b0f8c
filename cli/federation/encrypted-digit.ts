/** The trained model, compiled, and one digit classified by it under encryption; the secret key stays on this side. */
import { join } from 'node:path';
import { DEFAULT_OPTIONS, settleBackend } from '../../src/compile.ts';
import { compileModel } from '../../src/compiler/pipeline.ts';
import type { DataTarget } from '../../src/data/dataset.ts';
import { loadDataset } from '../../src/data/load-dataset.ts';
import type { CommandContext } from '../command.ts';
import { Inference } from '../inference.ts';
import { classOf } from '../measure/classes.ts';
import { referenceTarget, runReference } from '../reference.ts';
import type { EncryptedDigit } from '../report/federation-report.ts';
import { thumbnail } from '../report/thumbnail.ts';
import { finishOutputs } from '../results.ts';

const INPUT_SHAPE = [1, 1, 28, 28];

/** @param fixtures folder of the embedded digits. @throws CompileError and whatever inference can run into */
export async function classifyEncrypted(
  model: Uint8Array,
  fixtures: string,
  context: CommandContext,
): Promise<EncryptedDigit> {
  const target: DataTarget = {
    inputs: [{ name: 'input', shape: INPUT_SHAPE }],
    preprocessing: DEFAULT_OPTIONS.preprocessing,
  };
  const load = (name: string, limit?: number) => {
    const path = (suffix: string): string => join(fixtures, `digits-${name}${suffix}.npy`);
    const options = limit === undefined ? {} : { limit };
    return loadDataset(`npy:${path('')},${path('-labels')}`, target, options);
  };
  const start = performance.now();
  const { options } = settleBackend({ ...DEFAULT_OPTIONS, calibration: await load('calibration') });
  const { artifact } = await compileModel(model, options, {
    modelDirectory: fixtures,
    modelName: 'federated-digits',
    progress: context.progress,
  });
  const compileMs = performance.now() - start;
  const digit = await load('test', 1);
  const [plaintext] = (
    await runReference(model, digit, 1, 'plaintext model', context, referenceTarget(artifact))
  ).values;
  await using inference = await Inference.open(artifact, {}, context);
  const { decrypted, evaluateMs } = await inference.infer([[digit.sample(0, 0)]], (fraction) =>
    context.progress.report('classify under encryption', fraction),
  );
  const scores = finishOutputs(artifact, decrypted, 1, inference.backend === 'cleartext')[0]![0]!;
  const picture = digit.picture(0);
  const operators = artifact.signature.outputs[0]!.clientOperators.map(({ op }) => op);
  return {
    picture: picture === null ? null : thumbnail(picture),
    label: digit.label(0)!,
    encryptedClass: classOf(scores.data, scores.shape, operators),
    plaintextClass: classOf(plaintext!, scores.shape, operators),
    maxAbsError: Math.max(...scores.data.map((score, i) => Math.abs(score - plaintext![i]!))),
    backend: inference.backend,
    ...{ compileMs, evaluateMs, keygenMs: inference.keygenMs },
  };
}
