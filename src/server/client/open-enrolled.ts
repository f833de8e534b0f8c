/** A caller for one client at one server, with the identity, the pinned key and the token that are on record. */
import { EnrolledCaller } from './enrolled-caller.ts';
import { RemoteCaller } from './remote-caller.ts';
import type { RemoteOptions } from './remote-model.ts';

export interface OpenedCaller {
  /** To be disposed of. */
  readonly caller: RemoteCaller;
  readonly enrolled: EnrolledCaller;
}

export async function openEnrolled(options: RemoteOptions): Promise<OpenedCaller> {
  const { credentials, clientId, server } = options;
  const [identity, enrolment] = await Promise.all([
    credentials.identity(clientId),
    credentials.enrolment(clientId, server),
  ]);
  let token = enrolment?.authToken;
  const bearers = (): string[] => [token, options.enrolmentCode].filter((bearer) => bearer !== undefined);
  const caller = new RemoteCaller({
    connect: (signal) => options.connect(signal, bearers),
    privateKey: identity.privateKey,
    pinnedServerKey: enrolment?.serverKey ?? null,
    ...(options.retries === undefined ? {} : { retries: options.retries }),
  });
  return {
    caller,
    enrolled: new EnrolledCaller(caller, { ...options, onToken: (renewed) => (token = renewed) }),
  };
}
