/** Worker entry of the evaluation side. */
import { InternalError } from '../../errors.ts';
import { serve } from '../workers/serve.ts';
import type { Opening } from './worker-session.ts';
import { WorkerSession } from './worker-session.ts';

type Method = Exclude<keyof WorkerSession, symbol>;
type Api = { readonly [M in Method]: WorkerSession[M] };

/** The session is what `open` makes; every other request goes to it. */
function makeApi(): EvaluationWorkerApi {
  let session: WorkerSession | null = null;
  const opened = (): WorkerSession => {
    if (session === null) throw new InternalError('the worker has not been opened');
    return session;
  };
  return {
    open: async (opening) => {
      session = await WorkerSession.open(opening);
    },
    loadKey: (order) => opened().loadKey(order),
    loadRefreshKeys: (keys) => opened().loadRefreshKeys(keys),
    prepare: (order) => opened().prepare(order),
    load: (order) => opened().load(order),
    store: (order) => opened().store(order),
    free: (order) => opened().free(order),
    linear: (order) => opened().linear(order),
    linearSums: (order) => opened().linearSums(order),
    linearFinish: (order) => opened().linearFinish(order),
    polynomial: (order) => opened().polynomial(order),
    product: (order) => opened().product(order),
    refresh: (order) => opened().refresh(order),
    status: () => opened().status(),
  };
}

export type EvaluationWorkerApi = Omit<Api, 'status'> & {
  readonly open: (opening: Opening) => Promise<void>;
  readonly status: (argument: null) => ReturnType<WorkerSession['status']>;
};

serve(makeApi());
