/** `he-compile infer --server URL --image FILE`: steps 0 to 6 of the protocol against a running server. */
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { HeError } from '../../src/errors.ts';
import type { InferenceOutcome, InferenceStage } from '../../src/server/client/encrypted-inference.ts';
import type { LocalTensor } from '../../src/server/client/local-cryptography.ts';
import { EncryptedInference, newSessionId } from '../../src/server/client/encrypted-inference.ts';
import { SessionFolder } from '../../src/server/client/session-folder.ts';
import { LocalCryptographyOfServices } from '../../src/server/crypto/local-cryptography.ts';
import { withRemote } from '../../src/server/crypto/named-server.ts';
import { openCryptoServices } from '../../src/server/crypto/open-services.ts';
import { ToolError } from '../../src/server/protocol/error-codes.ts';
import type { CommandContext, Outcome, Runner } from '../command.ts';
import type { LocalFlags } from '../local-side.ts';
import { addLocalOptions, localSettings, namedServer } from '../local-side.ts';
import type { RangeFlags } from '../parse-options.ts';
import { addRangeOption, collect } from '../parse-options.ts';
import { formatBytes, formatMs, formatShape, formatSignificant } from '../report/format.ts';
import { packageVersion } from '../versions.ts';

interface InferFlags extends LocalFlags, RangeFlags {
  readonly server: string;
  readonly image: readonly string[];
  readonly model?: string;
  readonly session?: string;
  readonly enrolmentCode?: string;
  readonly forgetServer?: boolean;
}

const STAGES: Readonly<Record<InferenceStage, string>> = {
  model: 'ask for the model',
  keys: 'make keys',
  provision: 'send evaluation keys',
  encrypt: 'encrypt',
  upload: 'upload',
  evaluate: 'evaluate on the server',
  decrypt: 'decrypt',
};
const SERVER_NAME = 'server';
const SHOWN_VALUES = 12;
const MEGABYTE = 1e6;
const OUT_OF_RANGE: readonly string[] = ['INPUT_OUT_OF_RANGE', 'OUTPUT_OUT_OF_RANGE'];

export function define(command: Command, run: Runner): void {
  addRangeOption(addLocalOptions(command))
    .requiredOption(
      '--server <URL>',
      'https://HOST:PORT, http://127.0.0.1:PORT, sse+https://HOST:PORT, or stdio:COMMAND',
    )
    .requiredOption('--image <FILE>', '.png, .jpg or .npy; once for each input of the model', collect(String))
    .option('--model <NAME>', 'model of the server, where it has several')
    .option('--session <ID>', 'go on with a session that broke off')
    .option('--enrolment-code <CODE>', 'one-time code of the operator, for the first time')
    .option(
      '--forget-server',
      'forget token and pinned key of this server, once its operator says that they changed',
    )
    .action((flags: InferFlags) => run((context) => infer(flags, context)));
}

async function infer(flags: InferFlags, context: CommandContext): Promise<Outcome> {
  const start = performance.now();
  const server = namedServer(SERVER_NAME, flags.server, flags.enrolmentCode, await packageVersion());
  const inputs = flags.image.map((file) => resolve(file));
  // A file in the root of the file system stands for itself: that folder is never allowed.
  const roots = new Set(
    inputs.map((file) => (dirname(dirname(file)) === dirname(file) ? file : dirname(file))),
  );
  await using services = await openCryptoServices(await localSettings(flags, [...roots], [server]));
  const client = services.defaultClientId;
  if (flags.forgetServer === true) await services.credentials.forgetEnrolment(client, server.address);
  // Opening keys takes about as long as everything that can be done before they are needed.
  const likely = await services.keys.find({ clientId: client, model: flags.model });
  if (likely !== null) services.clients.warm(likely);
  const local = new LocalCryptographyOfServices(services, client);
  const sessions = new SessionFolder(join(services.sessionsFolder, client));
  const sessionId = flags.session ?? newSessionId();
  const { progress, signal } = context;
  let uploading = false;
  try {
    const outcome = await withRemote(services, SERVER_NAME, client, (remote) =>
      new EncryptedInference(local, remote, sessions).run(
        {
          inputs,
          model: flags.model,
          sessionId,
          allowOutOfRange: flags.allowOutOfRange,
          onWarning: (warning) => context.note(`warning: ${warning}`),
        },
        signal,
        (_whole, stage, fraction) => {
          uploading ||= stage === 'upload';
          progress.report(STAGES[stage], fraction);
        },
      ),
    );
    for (const note of outcome.notes) context.note(note);
    return present(outcome, { server: server.address, client, totalMs: performance.now() - start });
  } catch (error) {
    const refusal = error instanceof HeError && error.cause instanceof HeError ? error.cause : null;
    // As every other command says it; the session is over.
    if (refusal !== null && OUT_OF_RANGE.includes(refusal.code)) throw refusal;
    if (error instanceof ToolError && error.remoteMessage !== undefined)
      context.note(`in the server’s own words: ${error.remoteMessage}`);
    if (error instanceof HeError && uploading && flags.session === undefined)
      context.note(`to go on where it stopped, add --session ${sessionId}`);
    throw error;
  }
}

function present(
  { result, encrypted, stageMs, bytes, ...outcome }: InferenceOutcome,
  { server, client, totalMs }: { server: string; client: string; totalMs: number },
): Outcome {
  const { outputs, labels, winner } = result;
  const inferMs = encrypted.inferSeconds === null ? null : 1000 * encrypted.inferSeconds;
  const overheadMs = inferMs === null ? null : totalMs - inferMs;
  const moved = bytes.evaluationKeysSent + bytes.input + bytes.output;
  const document = {
    output: outputs[0],
    ...(outputs.length > 1 ? { outputs } : {}),
    class: winner === null ? null : { index: winner, label: labels[winner] ?? null },
    scheme: result.scheme,
    precisionBits: result.precisionBits,
    ...(outcome.warnings.length === 0 ? {} : { warnings: outcome.warnings }),
    server,
    model: outcome.model,
    clientId: client,
    sessionId: outcome.sessionId,
    keySet: outcome.keySet,
    keyRef: outcome.keyRef,
    telemetry: {
      noise_budget_remaining: encrypted.noiseBudgetRemaining,
      computation_depth_used: encrypted.computationDepthUsed,
      output_shape: encrypted.outputShape,
    },
    latencyMs: { ...stageMs, serverEvaluation: inferMs, total: totalMs, overhead: overheadMs },
    overheadMsPerMegabyte: overheadMs === null ? null : overheadMs / (moved / MEGABYTE),
    bytes: {
      evaluationKeys: bytes.evaluationKeys,
      evaluationKeysSent: bytes.evaluationKeysSent,
      inputCiphertexts: bytes.input,
      outputCiphertexts: bytes.output,
    },
  };
  const lines = [
    ...outputs.map((tensor, i) => describe(tensor, i === 0 ? winner : null, labels)),
    `${server}: total ${formatMs(totalMs)}, of which evaluation ${inferMs === null ? 'unknown' : formatMs(inferMs)}; ` +
      `keys sent ${formatBytes(bytes.evaluationKeysSent)}, input ${formatBytes(bytes.input)}, result ${formatBytes(bytes.output)}`,
  ];
  return { document, text: lines.join('\n') };
}

function describe(
  { name, shape, data }: LocalTensor,
  winner: number | null,
  labels: readonly string[],
): string {
  const label = winner === null ? undefined : labels[winner];
  const verdict = winner === null ? '' : ` class ${winner}${label === undefined ? '' : ` (${label})`};`;
  const values = data.slice(0, SHOWN_VALUES).map((value) => formatSignificant(value, 4));
  return `${name} ${formatShape(shape)}:${verdict} ${values.join(' ')}${data.length > SHOWN_VALUES ? ' …' : ''}`;
}
