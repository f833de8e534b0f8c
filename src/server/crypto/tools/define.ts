/** Ties tools to the services of this server, and the schemas that several of them share. */
import { z } from 'zod';
import { sha256 } from '../../protocol/identifiers.ts';
import { defineTool } from '../../protocol/tool.ts';
import { keySetId } from '../key-record.ts';
import type { CryptoServices } from '../services.ts';

export const define = defineTool<CryptoServices>();

export const absolutePath = z.string().min(1).max(4096);
export const keySet = keySetId.describe('One of several key sets of this client; default: the newest');
export const topK = z.int().min(1).max(1000).describe('Also list the K best classes');

export const fileEntry = z.object({
  file_name: z.string(),
  path: z.string(),
  bytes: z.int().min(1),
  sha256,
});

export const allowOutOfRange = z
  .boolean()
  .describe(
    'Encrypt an input outside of the range that the model was certified for, with a warning; the result may be refused',
  );
export const warnings = z
  .array(z.string())
  .optional()
  .describe('Inputs outside of the certified range that were encrypted all the same');
