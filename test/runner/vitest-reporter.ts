import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';
import { encodeEvent, type TestEvent } from './events.ts';

type ReportedError = NonNullable<ReturnType<TestModule['errors']>>[number];

/** Writes every test's outcome to standard output as it happens, for the test runner in the parent process. */
export default class EventReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestModuleStart(module: TestModule): void {
    send({ kind: 'moduleStarted', file: module.relativeModuleId });
  }

  onTestCaseReady(test: TestCase): void {
    send({ kind: 'testStarted', file: test.module.relativeModuleId, name: test.fullName });
  }

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (result.state === 'pending') return;
    send({
      kind: 'testEnded',
      file: test.module.relativeModuleId,
      name: test.fullName,
      outcome: result.state,
      ...(result.state === 'skipped' && result.note !== undefined ? { reason: result.note } : {}),
      ...(result.state === 'failed' ? { errors: result.errors.map(describeError) } : {}),
    });
  }

  onTestSuiteResult(suite: TestSuite): void {
    reportBroken(suite.module.relativeModuleId, suite.errors());
  }

  onTestModuleEnd(module: TestModule): void {
    reportBroken(module.relativeModuleId, module.errors());
    send({ kind: 'moduleEnded', file: module.relativeModuleId, elapsedMs: module.diagnostic().duration });
  }

  onUserConsoleLog(log: { readonly content: string; readonly taskId?: string | undefined }): void {
    const task = log.taskId === undefined ? undefined : this.#vitest?.state.getReportedEntityById(log.taskId);
    const module = task?.type === 'module' ? task : task?.module;
    send({ kind: 'logged', file: module?.relativeModuleId ?? '', text: log.content });
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandled: readonly ReportedError[]): void {
    reportBroken('(outside any test file)', unhandled);
    send({ kind: 'runEnded' });
  }
}

function reportBroken(file: string, errors: readonly ReportedError[]): void {
  if (errors.length > 0) send({ kind: 'brokenOutsideTests', file, errors: errors.map(describeError) });
}

function describeError(error: ReportedError): string {
  const frames = (error.stacks ?? []).map(
    (frame) => `    at ${frame.method} (${frame.file}:${frame.line}:${frame.column})`,
  );
  const title = `${error.name ?? 'Error'}: ${error.message}`;
  const cause = error.cause === undefined ? [] : [`caused by ${String((error.cause as Error).message ?? error.cause)}`];
  return [title, ...(error.diff ? [error.diff] : []), ...frames, ...cause].join('\n');
}

function send(event: TestEvent): void {
  process.stdout.write(`${encodeEvent(event)}\n`);
}
