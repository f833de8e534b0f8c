/** A command that has begun a file and then works on without ever looking up. */
import { writeFileSync } from 'node:fs';
import { tellGuard } from '../messages.ts';
import { watchGuard } from '../watch-guard.ts';

watchGuard();
const path = process.argv[2]!;
tellGuard({ kind: 'temporary', path, done: false });
writeFileSync(path, String(process.pid));
if (process.argv[3] !== undefined) tellGuard({ kind: 'memory-limit', bytes: Number(process.argv[3]) });
tellGuard({ kind: 'progress', stage: 'busy', fraction: 0 });
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
for (;;);
