/**
 * Errors of PostgreSQL and of the way to it → ours. Of what the server says, only what names things goes on (roles, tables): its
 * details and messages on data can hold values.
 */
import { BackendError, HeError, InternalError } from '../../../errors.ts';
import { NETWORK_ERRORS } from '../network-errors.ts';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const DISK_FULL = '53100';
const LOCK_NOT_AVAILABLE = '55P03';
/** The server goes, comes, or has no room for one more connection; or a statement took too long. */
const FOR_A_WHILE = ['57P01', '57P02', '57P03', '57P05', '53300', '53200', '57014', '25P03', '25P04'];
/** Of authentication, of databases and roles that are not there, of rights: messages with names only. */
const REFUSALS = /^(28...|3D...|3F...|42501|42P01)$/;
/** Connection exceptions. */
const CONNECTION_CLASS = '08';
/** ENOENT: the folder of a Unix socket. */
const NETWORK = [...NETWORK_ERRORS, 'ENOENT'];
/** What `pg` says, without a code, when a connection ends under it or does not come about in time. */
const ENDED =
  /Connection terminated|Client was closed|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout|not queryable/i;
const CERTIFICATE = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO_/;

/** The transaction was rolled back, and may go through when it is begun anew. */
export function isConflict(error: unknown): boolean {
  return [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].includes(codeOf(error));
}

/** A lock was waited for as long as a connection may wait for one. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE;
}

/** The connection is not, or no more: nothing more comes over it, and what a server does not hear of a transaction it rolls back. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code.startsWith(CONNECTION_CLASS) ||
    ['57P01', '57P02', '57P03', '57P05', '25P03', '25P04', ...NETWORK].includes(code) ||
    (error instanceof Error && !(error instanceof HeError) && ENDED.test(error.message))
  );
}

/** @returns what to throw for it; errors of ours as they are */
export function translatePostgresError(error: unknown): unknown {
  if (error instanceof HeError) return error;
  const code = codeOf(error);
  // The error itself may hold values of rows and of statements.
  const cause = new Error(`PostgreSQL: ${code === '' ? 'no code' : code}`);
  if (code === DISK_FULL) {
    return new BackendError('STORAGE_FULL', 'there is no room on the disk of the database', {
      hint: 'make room on the disk of the database server',
      cause,
    });
  }
  if (CERTIFICATE.test(code) || messageOf(error).includes('does not support SSL')) {
    return new BackendError('DATABASE_REFUSED', 'the database server does not prove who it is', {
      hint: 'name the authority of its certificate with sslrootcert in the address, and the host as the certificate does',
      cause,
    });
  }
  if (REFUSALS.test(code)) {
    return new BackendError('DATABASE_REFUSED', `the database refuses: ${messageOf(error)}`, {
      hint: 'check user, password, database and grants; see docs/operating.md',
      cause,
    });
  }
  if (isConnectionLost(error) || isConflict(error) || FOR_A_WHILE.includes(code) || isLockTimeout(error)) {
    return new BackendError(
      'DATABASE_UNAVAILABLE',
      `the database cannot be reached, or does not answer (${code || 'connection lost'})`,
      {
        hint: 'try again later; if it stays so, check that the database server runs and can be reached from here',
        cause,
      },
    );
  }
  if (!(error instanceof Error) || code === '') return error;
  return new InternalError(`the database failed with ${code}`, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** One line, as others may want to write it down. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s+/g, ' ').slice(0, 200) : '';
}
