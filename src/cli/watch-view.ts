import type { Rollout } from '../api/rollout.ts';
import type { Change } from './follow.ts';
import type { Session } from './session.ts';
import { listLines } from './view/list.ts';
import { changeKey, changeLine, liveLines } from './view/live.ts';
import { createRateMeter } from './view/rates.ts';
import { cut } from './view/table.ts';

/** What there is to show at one moment. */
export interface Sight {
  readonly rollouts: readonly Rollout[];
  readonly changes: readonly Change[];
  readonly trouble: string | undefined;
}

/** Shows what a watch sees. */
export interface View {
  show(sight: Sight): void;
  /** Leaves the screen as a shell expects it. May be called twice. */
  close(): void;
}

/** JSON lines, a picture that is drawn over itself on a terminal, or else a line per change. */
export function createView(
  session: Session,
  what: { readonly name?: string | undefined; readonly allNamespaces?: boolean | undefined },
): View {
  if (session.isJson) return jsonView(session);
  return session.out.isTerminal ? pictureView(session, what) : lineView(session);
}

function jsonView({ out, note }: Session): View {
  const tellTrouble = onceEach(note);
  return {
    show({ changes, trouble }) {
      tellTrouble(trouble);
      for (const { before, after } of changes) {
        const type = before === undefined ? 'ADDED' : after === undefined ? 'DELETED' : 'MODIFIED';
        out.write(`${JSON.stringify({ type, object: after ?? before })}\n`);
      }
    },
    close() {},
  };
}

function lineView({ out, clock, note }: Session): View {
  const tellTrouble = onceEach(note);
  const shown = new Map<string, string>();
  return {
    show({ changes, trouble }) {
      tellTrouble(trouble);
      for (const { after } of changes) {
        if (after === undefined) continue;
        const id = `${after.metadata.namespace}/${after.metadata.name}`;
        const key = changeKey(after);
        if (shown.get(id) === key) continue;
        shown.set(id, key);
        out.write(`${new Date(clock.now()).toISOString()} ${changeLine(after)}\n`);
      }
    },
    close() {},
  };
}

/** Tells of trouble when it begins, not each time it is looked at. */
function onceEach(note: Session['note']): (trouble: string | undefined) => void {
  let last: string | undefined;
  return (trouble) => {
    if (trouble !== undefined && last === undefined) note(trouble);
    last = trouble;
  };
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[J';
const up = (lines: number): string => (lines === 0 ? '\r' : `\u001b[${lines}F`);

function pictureView(
  { out, clock, paint }: Session,
  { name, allNamespaces }: { readonly name?: string | undefined; readonly allNamespaces?: boolean | undefined },
): View {
  const meter = createRateMeter();
  let drawn = 0;
  let isOpen = false;
  const linesOf = ({ rollouts, trouble }: Sight): readonly string[] => {
    const nowMs = clock.now();
    const [rollout] = rollouts;
    if (name !== undefined) {
      if (rollout === undefined) return [];
      const { columns } = out.size();
      return liveLines(rollout, { nowMs, paint, columns, rates: meter.observe(rollout, nowMs), trouble });
    }
    const list = listLines(rollouts, { nowMs, paint, hasNamespaces: allNamespaces === true });
    return trouble === undefined ? list : [...list, '', paint('bad', trouble)];
  };
  return {
    show(sight) {
      const { columns, rows } = out.size();
      // A wrapped or scrolled line could not be drawn over.
      const lines = linesOf(sight)
        .slice(0, rows - 1)
        .map((line) => cut(line, columns));
      const hide = isOpen ? '' : HIDE_CURSOR;
      isOpen = true;
      out.write(`${hide}${up(drawn)}${CLEAR_BELOW}${lines.map((line) => `${line}\n`).join('')}`);
      drawn = lines.length;
    },
    close() {
      if (isOpen) out.write(SHOW_CURSOR);
      isOpen = false;
    },
  };
}
