/** What the machine asks for by itself: to tell users what happened. All other effects follow from `desiredOf`. */
export interface AnnounceCommand {
  readonly kind: 'Announce';
  readonly severity: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}
