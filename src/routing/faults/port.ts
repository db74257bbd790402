/** What happens to a request that a fault touches. */
export type Fault =
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Each touched request waits one of these times. */
  | { readonly kind: 'spread'; readonly parts: readonly DelayPart[] }
  | { readonly kind: 'abort'; readonly httpStatus: number }
  /** A code of gRPC, as a number. */
  | { readonly kind: 'abort'; readonly grpcStatus: number }
  /** Requests beyond so many a second of each caller's proxy are refused with `status`. */
  | {
      readonly kind: 'throttle';
      readonly requestsPerSecond: number;
      readonly status: number;
      readonly retryAfterS: number | null;
    }
  /** A service that sheds load: touched requests are refused as by its rate limit, whatever their rate. */
  | { readonly kind: 'shed'; readonly status: number; readonly retryAfterS: number | null }
  /** The answer's body comes at so many KiB a second. */
  | { readonly kind: 'bandwidth'; readonly kibPerSecond: number }
  /** What each caller's proxy may have under way at once; null leaves a limit as it is. Has no dose but all or nothing. */
  | {
      readonly kind: 'circuit';
      readonly maxConnections: number | null;
      readonly maxPendingRequests: number | null;
      readonly maxRequests: number | null;
    };

/** One time of a spread. */
export interface DelayPart {
  readonly delayMs: number;
  /** Of the touched requests, 0 to 1; the parts of a spread sum to 1. */
  readonly share: number;
}

/** A header that a request must have to be touched. */
export interface HeaderMatch {
  readonly name: string;
  readonly value:
    | { readonly exact: string }
    | { readonly prefix: string }
    | { readonly regex: string }
    | { readonly present: true };
}

/** A cookie that a request must have to be touched. */
export interface CookieMatch {
  readonly name: string;
  readonly exact: string;
}

/** Which requests get which fault: everything but how many of them. */
export interface FaultPlan {
  /** Name of the ChaosExperiment; names and labels of our objects come from it. */
  readonly experiment: string;
  /** Namespace of the experiment and of the callers: our objects are there. */
  readonly namespace: string;
  readonly target: FaultTarget;
  /** Labels of the callers' pods; null is every proxy of the namespace. */
  readonly callers: Readonly<Record<string, string>> | null;
  /** All of them must match; empty matches every request. */
  readonly headers: readonly HeaderMatch[];
  /** As `headers`. */
  readonly cookies?: readonly CookieMatch[];
  readonly fault: Fault;
}

/** The service whose answers are missed. */
export interface FaultTarget {
  readonly namespace: string;
  readonly service: string;
  /** Number of the Service's port. */
  readonly port: number;
  /** Only requests that a release sends to this revision (the pod-template-hash of its pods); all of them without it. */
  readonly revision?: string;
}

/** One fuse that exists. */
export interface FuseReading {
  readonly number: number;
  readonly uid: string;
  /** When the cluster burns it, in ms since the epoch. */
  readonly expiresAt: number;
  /** The fault carries an owner reference to it: only then does it hold the fault. */
  readonly isOwner: boolean;
}

/** What the API server holds of an experiment's fault. */
export interface FaultReading {
  readonly exists: boolean;
  /** Null where there is no fault, or one that does not say its dose. */
  readonly dosePpm: number | null;
  /** Somebody else changed it. */
  readonly isForeign: boolean;
  /** By rising number. */
  readonly fuses: readonly FuseReading[];
  /** For the guarded write; null where there is no fault. */
  readonly resourceVersion: string | null;
}

/** Why a fault must not, or had better not, be injected. */
export interface FaultProblem {
  readonly severity: 'refuse' | 'warn';
  /** CamelCase. */
  readonly reason: string;
  /** Names object, field and cure. */
  readonly message: string;
}

/** A fault that stands in the cluster. */
export interface ListedFault extends Pick<FaultPlan, 'experiment' | 'namespace'> {
  /** When the last fuse of its last write burns, in ms since the epoch; null where the object does not say it. */
  readonly expiresAt: number | null;
}

/** Writes faults and takes them away; the only writer of EnvoyFilters and fuses. */
export interface Faults {
  /** What stands in the way, read from the API server before anything is written. */
  inspect(plan: FaultPlan): Promise<readonly FaultProblem[]>;
  read(plan: FaultPlan): Promise<FaultReading>;
  /** Lights a fuse of so many whole seconds; the same number is never lit twice. */
  lightFuse(plan: FaultPlan, fuse: { readonly number: number; readonly seconds: number }): Promise<void>;
  /** Experiments of which a fault is there, for a sweep; of one namespace only where it is named. */
  list(namespace?: string): Promise<readonly ListedFault[]>;
  /**
   * Writes the fault with this dose (millionths of the matched requests), owned by exactly these fuses, guarded by what was read
   * (ConflictError when somebody was faster). Never without a fuse that burns: a NotReadyError.
   */
  write(plan: FaultPlan, dosePpm: number, fuses: readonly number[], reading: FaultReading): Promise<void>;
  /** The fault first, then every fuse. Needs nothing but the names; idempotent. */
  remove(of: Pick<FaultPlan, 'experiment' | 'namespace'>): Promise<void>;
}
