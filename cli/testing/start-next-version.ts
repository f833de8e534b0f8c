/** What `bin/he-compile.js` of a version to come does, from the sources: it has a migration more, which this version can live with. */
import type { SchemaMigration } from '../../src/server/storage/postgres/migrations/schema-migration.ts';
import { MIGRATIONS } from '../../src/server/storage/postgres/migrations/list.ts';
import { main } from '../main.ts';

(MIGRATIONS as SchemaMigration[]).push({
  name: '0099-next-version',
  oldestReader: MIGRATIONS.length,
  sql: `
    ALTER TABLE sessions ADD COLUMN remark text NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN priority integer NOT NULL DEFAULT 0;
    CREATE INDEX jobs_by_priority ON jobs (priority) WHERE state = 'queued';
    CREATE TABLE remarks (client_id text NOT NULL, remark text NOT NULL);`,
});

process.exitCode = await main(process.argv.slice(2));
