/** A failure of the lab that a person can act on: the message names what failed and the cure. */
export class LabError extends Error {
  /** True when the machine lacks something (a tool, a right): tests may skip with the message as the reason. */
  readonly missing: boolean;

  constructor(message: string, options: { readonly cause?: unknown; readonly missing?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LabError';
    this.missing = options.missing ?? false;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
