/** Arguments that the tools for federations share. */
import { z } from 'zod';

export const federationServer = z
  .string()
  .min(1)
  .max(128)
  .describe('Aggregator, by the name under which it was configured; default: the only server');

export const updateId = z
  .string()
  .regex(/^[0-9a-f]{24}$/)
  .describe('From prepare_update');
