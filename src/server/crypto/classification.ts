/** Steps 0 to 6 for one file as a job, which goes on when the caller that began it has given up. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { EncryptedInference, newSessionId } from '../client/encrypted-inference.ts';
import type { InferenceStage } from '../client/encrypted-inference.ts';
import { SessionFolder } from '../client/session-folder.ts';
import { canonicalJson } from '../protocol/canonical-json.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { Classification } from './classified.ts';
import type { Job } from './jobs.ts';
import { LocalCryptographyOfServices } from './local-cryptography.ts';
import { chooseServer } from './configured-server.ts';
import { withRemote } from './named-server.ts';
import type { CryptoServices } from './services.ts';

/** What the tools are called with: paths, and names that may be left out. */
export interface ClassificationOrder {
  readonly image_path: string;
  readonly more_paths?: readonly string[] | undefined;
  readonly server?: string | undefined;
  readonly model?: string | undefined;
  readonly client_id?: string | undefined;
  readonly session_id?: string | undefined;
  readonly allow_out_of_range?: boolean | undefined;
}

const MESSAGES: Readonly<Record<InferenceStage, string>> = {
  model: 'asking for the model',
  keys: 'making keys',
  provision: 'providing evaluation keys',
  encrypt: 'encrypting',
  upload: 'uploading ciphertexts',
  evaluate: 'evaluating under encryption',
  decrypt: 'decrypting',
};

/**
 * Joins the job on the same content, model and server, whatever session it has, unless a session is named that has another.
 * @throws ToolError for files that cannot be read and servers that are not configured, before anything begins
 */
export async function beginClassification(
  services: CryptoServices,
  input: ClassificationOrder,
): Promise<Job<Classification>> {
  const clientId = input.client_id ?? services.defaultClientId;
  const local = new LocalCryptographyOfServices(services, clientId);
  const inputs = [input.image_path, ...(input.more_paths ?? [])];
  const { name: server } = chooseServer(services.servers, input.server);
  const { model, allow_out_of_range: allowOutOfRange } = input;
  const fingerprint = await local.fingerprint(inputs);
  const question = createHash('sha256')
    .update(canonicalJson({ server, model, fingerprint, allowOutOfRange: allowOutOfRange === true }))
    .digest('hex');
  const under = input.session_id === undefined ? services.jobs.find(clientId, question) : null;
  const session = input.session_id ?? under?.order.session ?? newSessionId();
  return services.jobs.begin({
    owner: clientId,
    session,
    question,
    run: (signal, report) =>
      withRemote(services, server, clientId, async (remote) => {
        const sessions = new SessionFolder(join(services.sessionsFolder, clientId));
        const inference = new EncryptedInference(local, remote, sessions);
        const outcome = await inference.run(
          { inputs, model, sessionId: session, allowOutOfRange },
          signal,
          (whole, stage) => report(whole, MESSAGES[stage]),
        );
        return { clientId, server, outcome };
      }).catch((error: unknown) => {
        throw namingSession(error, session);
      }),
  });
}

const OVER: readonly string[] = ['ERROR_INPUT_OUT_OF_RANGE', 'ERROR_OUTPUT_OUT_OF_RANGE'];

/** Whoever calls again with it goes on where it stopped. */
function namingSession(error: unknown, session: string): unknown {
  // Of a session that is over there is nothing to go on with.
  if (!(error instanceof ToolError) || OVER.includes(error.code)) return error;
  const { retryAfterMs } = error;
  const message = `${error.message} (session_id ${session})`;
  return new ToolError(error.code, message, {
    cause: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
