/** What classifying a file takes, in one call or in the background. */
import { z } from 'zod';
import { clientId, modelId, sessionId } from '../../protocol/identifiers.ts';
import { absolutePath, allowOutOfRange } from './define.ts';

export const classificationInput = z.strictObject({
  image_path: absolutePath.describe('PNG, JPEG or .npy, absolute path'),
  server: z
    .string()
    .max(64)
    .optional()
    .describe('A server of fhe_list_servers; may be left out if there is only one'),
  model: modelId.optional().describe('Model of that server, where it has several'),
  client_id: clientId.optional(),
  more_paths: z
    .array(absolutePath)
    .max(255)
    .optional()
    .describe('Further inputs, of models that have several'),
  session_id: sessionId.optional().describe('Names the session, or resumes one that failed'),
  allow_out_of_range: allowOutOfRange.optional(),
});
