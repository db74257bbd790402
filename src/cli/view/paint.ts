/** What a piece of text means; colours follow from it. */
export type Tone = 'good' | 'bad' | 'busy' | 'quiet' | 'strong';

/** Dresses text for where it is shown; the text itself stays the same. */
export type Paint = (tone: Tone, text: string) => string;

/** Leaves text as it is. */
export const plain: Paint = (_tone, text) => text;

/** The tone in which a phase, a verdict or an outcome is shown. */
export function toneOf(word: string | undefined): Tone {
  switch (word) {
    case 'Idle':
    case 'Pass':
    case 'Promoted':
    case 'Promoting':
      return 'good';
    case 'RollingBack':
    case 'RolledBack':
    case 'Stalled':
    case 'Fail':
    case 'Aborted':
      return 'bad';
    case 'Paused':
    case 'Progressing':
    case 'Preparing':
    case 'Baking':
    case 'Inconclusive':
      return 'busy';
    default:
      return 'quiet';
  }
}
