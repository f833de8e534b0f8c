/** The tools of the local server, in the order of the protocol's steps. A new one is a file beside this one and a line here. */
import { ToolError } from '../../protocol/error-codes.ts';
import type { AnyTool, ToolReport } from '../../protocol/tool.ts';
import type { CryptoServices } from '../services.ts';
import { contribute } from './contribute.ts';
import { fetchGlobalModel } from './fetch-global-model.ts';
import { fheClassifyFile } from './fhe-classify-file.ts';
import { fheCancelSession } from './fhe-cancel-session.ts';
import { fheDecrypt } from './fhe-decrypt.ts';
import { fheDeleteKeys } from './fhe-delete-keys.ts';
import { fheEncrypt } from './fhe-encrypt.ts';
import { fheKeygen } from './fhe-keygen.ts';
import { fheListKeys } from './fhe-list-keys.ts';
import { fheListServers } from './fhe-list-servers.ts';
import { fheSessionStatus } from './fhe-session-status.ts';
import { fheStartClassification } from './fhe-start-classification.ts';
import { prepareUpdate } from './prepare-update.ts';
import { privacyLedger } from './privacy-ledger.ts';

export const LOCAL_TOOLS: readonly AnyTool<CryptoServices>[] = [
  fheClassifyFile,
  fheStartClassification,
  fheSessionStatus,
  fheCancelSession,
  fheListServers,
  fheKeygen,
  fheEncrypt,
  fheDecrypt,
  fheListKeys,
  fheDeleteKeys,
  fetchGlobalModel,
  prepareUpdate,
  contribute,
  privacyLedger,
];

/** A call that nobody waits for. @throws ToolError */
export async function runTool(
  services: CryptoServices,
  name: string,
  input: unknown,
  signal: AbortSignal,
  progress: ToolReport,
): Promise<object> {
  const tool = LOCAL_TOOLS.find((each) => each.name === name);
  const parsed = tool?.input.safeParse(input);
  // Of another version of this program, should it have been interrupted.
  if (tool === undefined || parsed?.success !== true)
    throw new ToolError('ERROR_INVALID_ARGUMENT', 'this version does not know what the task is to do');
  return tool.run(parsed.data, services, {
    ...{ signal, progress, bearer: null, origin: 'task', vouch: () => undefined, meta: {} },
    received: { tool: name, arguments: input },
  });
}
