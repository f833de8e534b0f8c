/** A process of its own: `put-until-killed.ts KEY BYTES SEED`, the store's whereabouts on the standard input. Says "putting" when it begins. */
import { text } from 'node:stream/consumers';
import { patternBytes } from './pattern-bytes.ts';
import type { StoreWhereabouts } from './store-whereabouts.ts';
import { openAt } from './store-whereabouts.ts';

const [key = '', bytes = '0', seed = '0'] = process.argv.slice(2);
const store = await openAt(JSON.parse(await text(process.stdin)) as StoreWhereabouts);
const whole = patternBytes(Number(bytes), Number(seed));
const MIB = 2 ** 20;
const pieces = Array.from({ length: Math.ceil(whole.length / MIB) }, (_, i) =>
  whole.subarray(i * MIB, (i + 1) * MIB),
);
process.stdout.write('putting\n');
await store.put(key, pieces);
