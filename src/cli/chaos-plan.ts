import { stringify } from 'yaml';
import { findExperiment } from './chaos.ts';
import { type FileWords, readExperiment, withDefaults } from './chaos-file.ts';
import { lookAt } from './chaos-look.ts';
import { type Connect, connectPrometheus, type SourceWords } from './chaos-traffic.ts';
import { EXIT } from './exit.ts';
import type { Session } from './session.ts';
import { lookJson, lookText } from './view/chaos-plan.ts';

export interface PlanWords extends Partial<FileWords> {
  /** Name of one that exists, instead of a file. */
  readonly existing?: string;
  /** Only the objects that would be written, as YAML. */
  readonly yaml?: boolean;
  readonly source: SourceWords;
}

/** `sluice chaos plan`: what an experiment would do, and whether it would be admitted. Writes nothing. */
export async function planExperimentCommand(
  session: Session,
  words: PlanWords,
  connect: Connect = connectPrometheus,
): Promise<number> {
  const { file, name, existing, yaml = false, source } = words;
  const experiment =
    file === undefined
      ? withDefaults(await findExperiment(session, existing ?? ''), existing ?? '')
      : (await readExperiment(session, { file, ...(name !== undefined && { name }) })).experiment;
  const look = await lookAt(session, experiment, { source, connect });
  if (yaml) session.out.write(look.objects.map((object) => stringify(object)).join('---\n'));
  else if (session.isJson) session.out.write(`${JSON.stringify(lookJson(look), null, 2)}\n`);
  else session.out.write(`${lookText(look, session.paint).join('\n')}\n`);
  return look.admission.state === 'allowed' ? EXIT.ok : EXIT.no;
}
