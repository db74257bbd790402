import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { requireTool } from '../parts/run.ts';

const UTIL_LINUX = 'install util-linux (apt-get install util-linux)';

/** The first process of a lab's namespaces, as the host sees it; the start time tells it from a later process. */
export interface NamespaceProcess {
  readonly pid: number;
  readonly startTicks: string;
}

/** Words before a command that make it the second process of fresh network and process namespaces. */
export function namespaceWords(isRoot: boolean): string[] {
  const flags = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc', ...(isRoot ? [] : ['--map-root-user'])];
  return [requireTool('unshare', UTIL_LINUX), ...flags];
}

// The shell is the first process of the namespace: it collects orphans, and its end is the end of all.
const INIT_SCRIPT = `
ip link set lo up || exit 1
ip route add local 10.244.0.0/16 dev lo || exit 1
"$@" &
wait $!
`;

/** Words that prepare the network inside the namespaces, run a command there and end with it. */
export function initWords(command: readonly string[]): string[] {
  requireTool('ip', 'install iproute2 (apt-get install iproute2)');
  return ['sh', '-c', INIT_SCRIPT, 'lab-init', ...command];
}

/** The only child of an unshare process, once it has one. */
export function childOf(pid: number): number | undefined {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return first ? Number(first) : undefined;
  } catch {
    return undefined;
  }
}

/** When a process started, in clock ticks since boot; undefined when there is none (or only its zombie). */
export function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in parentheses may hold spaces; the fields after it do not. State is the first, start time the 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** True while the lab's first process is the one that was recorded. */
export function isAlive(process: NamespaceProcess): boolean {
  return startTicksOf(process.pid) === process.startTicks;
}

export interface EnterOptions extends SpawnOptions {
  /** The command goes on when the process that started it ends. Default false: it is killed then. */
  readonly outlivesCaller?: boolean;
}

// This shell stays outside the process namespace as the parent of the command. A signal to the whole process group
// (Ctrl-C, timeout) must leave it there until the command has ended as it likes; then it ends in the same way. Its own remarks ("Terminated") are dropped.
const PARENT_SCRIPT = `
exec 9>&2 2>/dev/null
trap : INT TERM HUP QUIT
"$@"
code=$?
trap - INT TERM HUP QUIT
[ $code -gt 128 ] && kill -$((code - 128)) $$
exit $code
`;

// The mount namespace is another one, so the folder must be entered again there. Standard error is on 9, see above.
const INSIDE_SCRIPT = 'exec 2>&9 9>&-; cd -- "$1" && shift && exec "$@"';

/**
 * Runs a command inside the namespaces of `init`, in the folder of the caller (or `cwd`).
 *
 * The returned process ends as the command ends, by the same signal or code, and its `kill` reaches the command. The
 * command dies with the lab.
 */
export function spawnInside(
  init: NamespaceProcess,
  command: readonly string[],
  options: EnterOptions = {},
): ChildProcess {
  const { outlivesCaller = false, cwd, ...rest } = options;
  const dieWithParent = [requireTool('setpriv', UTIL_LINUX), '--pdeathsig', 'KILL'];
  const nsenter = requireTool('nsenter', UTIL_LINUX);
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  const enter = [nsenter, '--target', String(init.pid), ...user, '--net', '--pid', '--mount', '--no-fork'];
  const parent = ['sh', '-c', PARENT_SCRIPT, 'lab-exec'];
  const inside = [...dieWithParent, 'sh', '-c', INSIDE_SCRIPT, 'lab-exec', String(cwd ?? process.cwd())];
  const words = [...(outlivesCaller ? [] : dieWithParent), ...enter, ...parent, ...inside, ...command];
  const child = spawn(words[0] ?? nsenter, words.slice(1), rest);
  const killParent = child.kill.bind(child);
  child.kill = (signal) => {
    const target = child.pid === undefined || child.exitCode !== null ? undefined : childOf(child.pid);
    if (target === undefined) return killParent(signal);
    try {
      return process.kill(target, signal);
    } catch {
      return false;
    }
  };
  return child;
}
