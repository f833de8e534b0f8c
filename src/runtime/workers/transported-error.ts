/** Errors cross threads as plain data and become the same class again. */
import {
  ArtifactError,
  BackendError,
  CompileError,
  HeError,
  ImportError,
  InternalError,
  ProtocolError,
} from '../../errors.ts';

export interface TransportedError {
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly node?: string;
  readonly hint?: string;
}

export function transportError(error: unknown): TransportedError {
  if (error instanceof HeError) {
    return {
      type: error.name,
      code: error.code,
      message: error.message,
      ...(error.node === undefined ? {} : { node: error.node }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : 'something that is no error';
  return { type: 'InternalError', code: 'INTERNAL', message: `a worker threw ${message}` };
}

export function reviveError({ type, code, message, node, hint }: TransportedError): HeError {
  const details = { ...(node === undefined ? {} : { node }), ...(hint === undefined ? {} : { hint }) };
  switch (type) {
    case 'ArtifactError':
      return new ArtifactError(code, message, details);
    case 'BackendError':
      return new BackendError(code, message, details);
    case 'CompileError':
      return new CompileError(code, message, details);
    case 'ImportError':
      return new ImportError(code, message, details);
    case 'ProtocolError':
      return new ProtocolError(code, message, details);
    default:
      return new InternalError(message.replace(' (this is a bug in he-compile)', ''), details);
  }
}
