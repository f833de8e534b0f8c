/** The tools of the local server, in the order of the protocol's steps. A new one is a file beside this one and a line here. */
import type { AnyTool } from '../../protocol/tool.ts';
import type { CryptoServices } from '../services.ts';
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
];
