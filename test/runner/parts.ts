import type { OnProgress } from '../../lab/parts/progress.ts';
import { formatElapsed } from './report.ts';
import type { Terminal } from './terminal.ts';

/** Shows on the tier's terminal how the lab's parts come along. */
export function showPart(terminal: Terminal): OnProgress {
  return (progress) => {
    switch (progress.kind) {
      case 'step':
        terminal.activity(`${progress.part}: ${progress.step} ${progress.detail ?? ''}`.trimEnd());
        return;
      case 'done':
        terminal.line(`  ${progress.part}: ${progress.result}  ${formatElapsed(progress.elapsedMs)}`);
        return;
      case 'note':
        terminal.line(`  ${progress.text}`);
    }
  };
}
