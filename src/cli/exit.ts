/** Exit codes of every command; docs/cli.md and `--help` say the same. */
export const EXIT = {
  /** Done; with `watch --until-done` and `--wait`: it came as was asked for. */
  ok: 0,
  /** The answer is no: the release ended otherwise, there is none that the request could be for, or its evidence gives another decision. */
  no: 1,
  /** The command line is wrong. */
  usage: 2,
  /** `--timeout` passed first. */
  timedOut: 3,
  /** It could not be done or found out: not found, refused, no API server. */
  failed: 4,
  /** A chaos experiment has shown nothing: Inconclusive, Stopped, or not created because it would be denied. */
  inconclusive: 5,
} as const;

/** An end of the program with one line for people and its exit code. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.name = 'Failure';
    this.exitCode = exitCode;
  }
}
