/** The schema of PostgreSQL, step by step. What was released never changes: what is wrong with it is mended by another step. */
import { BLOBS } from './0001-blobs.ts';
import { RECORDS } from './0002-records.ts';
import { JOBS } from './0003-jobs.ts';
import type { SchemaMigration } from './schema-migration.ts';

/** In order: the number of a migration is its place, from 1 on. */
export const MIGRATIONS: readonly SchemaMigration[] = [BLOBS, RECORDS, JOBS];
