/** A worker that makes keys and loads them for as long as it lives. */
import { parentPort } from 'node:worker_threads';
import { testParameters } from '../../../../program/testing/test-parameters.ts';
import { NativeBackend } from '../backend.ts';
import { NativeSecretSide } from '../secret-side.ts';

const PARAMETERS = testParameters(8192, [46, 38, 38, 38], 54, 38);

const secret = NativeSecretSide.create(PARAMETERS, null, { threads: 2 });
const backend = NativeBackend.create(PARAMETERS, { memoryBytes: 2 ** 28, threads: 2 });
parentPort!.postMessage('ready');
for (;;) backend.loadRotationKey(1, secret.makeRotationKey(1, 3));
