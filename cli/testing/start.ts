/** What `bin/he-compile.js` does, from the sources. */
import { main } from '../main.ts';

process.exitCode = await main(process.argv.slice(2));
