import { styleText } from 'node:util';
import type { Shop } from '../lab/shop/shop.ts';
import type { Rollout } from '../src/api/rollout.ts';

const LOOK_EVERY_MS = 500;

/** Tells on the terminal what happens to the Rollout, one line a change, until `end` is called. */
export function narrate(shop: Shop): { readonly end: () => void } {
  const startedAt = Date.now();
  let last = '';
  const timer = setInterval(() => {
    Promise.all([shop.rollout(), shop.report()])
      .then(([rollout, report]) => {
        const [kind, line] = lineOf(rollout);
        if (kind === last) return;
        last = kind;
        const elapsed = `${((Date.now() - startedAt) / 1000).toFixed(0)} s`.padStart(6);
        process.stdout.write(
          `${styleText('dim', elapsed)}  ${line}  ${styleText('dim', `(${report.failed} failed so far)`)}\n`,
        );
      })
      // The next look makes up for one that did not get through.
      .catch(() => undefined);
  }, LOOK_EVERY_MS);
  return { end: () => clearInterval(timer) };
}

/** What identifies a change, and the line that tells it. */
function lineOf({ status }: Rollout): readonly [string, string] {
  const phase = status?.phase ?? 'Unknown';
  const weight = status?.weight?.applied ?? 0;
  const reason = status?.waiting?.reason ?? '';
  const colour = phase === 'RollingBack' ? 'red' : phase === 'Idle' ? 'green' : 'cyan';
  const share = status?.canary === undefined ? '' : `canary ${weight} %`.padEnd(13);
  return [`${phase}/${weight}/${reason}`, `${styleText(colour, phase.padEnd(12))} ${share} ${status?.message ?? ''}`];
}
