/** How one simulated release went. Times in seconds since the change of the template. */
export interface Result {
  /** `Inconclusive` when no evidence decided: the deadline did, or nothing within the time that was watched. */
  readonly end: 'Promoted' | 'RolledBack' | 'Inconclusive';
  readonly endS: number;
  /** When the release's own fault first showed on a request; null when it has not. */
  readonly faultS: number | null;
  /** Failures within the time that was watched that would not have been without the release; a promoted fault goes on. */
  readonly caused: number;
}
