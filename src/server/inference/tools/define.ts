/** Ties tools to the services of this server. */
import { defineTool } from '../../protocol/tool.ts';
import type { InferenceServices } from '../services.ts';

export const define = defineTool<InferenceServices>();

export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
