import { isAppError } from '../lib/errors.ts';
import { EXIT, Failure } from './exit.ts';

/** What to do about errors of the API server whose message does not say it already. */
const CURES: Readonly<Record<string, string>> = {
  KIND_NOT_SERVED:
    'Sluice is not installed in this cluster, or the kubeconfig names another one: kubectl apply -f crds/ installs the kinds',
  API_UNREACHABLE: 'check the server in the kubeconfig (kubectl config view --minify) and the network',
  TIMEOUT: 'the API server is overloaded or the network loses packets; try again',
  NAMESPACE_TERMINATING: 'the namespace is being deleted',
  UNAUTHORIZED: 'log in again, or name another context with --context',
};

/** An error in one line for people, and the exit code that goes with it. Bugs keep their stack: somebody must find them. */
export function errorLine(error: unknown): { readonly line: string; readonly exitCode: number } {
  if (error instanceof Failure) return { line: oneLine(error.message), exitCode: error.exitCode };
  if (isAppError(error) && error.class !== 'InvariantError') {
    const cure = CURES[error.code];
    return {
      line: oneLine(cure === undefined ? error.message : `${error.message}; ${cure}`),
      exitCode: EXIT.failed,
    };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { line: `this is a bug, please report it: ${text}`, exitCode: EXIT.failed };
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, '; ');
