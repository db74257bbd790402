import { type Command, commandsFor } from '../../machines/experiment/commands.ts';
import { initialContext } from '../../machines/experiment/context.ts';
import type { ExperimentFacts, SteadyStateKind } from '../../machines/experiment/facts.ts';
import type { Look } from '../../machines/experiment/look.ts';
import type { ExperimentPlan } from '../../machines/experiment/plan.ts';
import { type Standing, settle } from '../../machines/experiment/settle.ts';
import { wakeAt } from '../../machines/experiment/wake.ts';

export const EXPERIMENT_PLAN: ExperimentPlan = {
  ramp: [
    { dosePpm: 10_000, forMs: 30_000 },
    { dosePpm: 50_000, forMs: 120_000 },
  ],
  ...{ baselineMs: 30_000, fuseMs: 60_000, startWithinMs: 600_000, hasObjectives: true, minFaulted: 10 },
};

interface Fault {
  dosePpm: number;
  isForeign: boolean;
  owners: readonly number[];
}

/** Proxies get a change of routes some 60 ms after it was written; a scrape later it can be seen. */
const SEEN_MS = 12_000;

/** A cluster with one experiment that punishes each breach of a promise: it throws. It burns fuses also while nobody looks. */
export class ExperimentWorld {
  plan = EXPERIMENT_PLAN;
  at = 1_000_000;
  machine: Standing = { state: 'Pending', context: initialContext };
  admission: ExperimentFacts['admission'] = { state: 'allowed', reason: 'Admitted', message: 'admitted' };
  evidence: ExperimentFacts['evidence']['state'] = 'fresh';
  steadyState: SteadyStateKind = 'Holds';
  end: ExperimentFacts['end'] = null;
  deleting = false;
  /** Effects that still succeed before the controller dies; null: it lives. */
  diesAfter: number | null = null;
  isDead = false;
  readonly announced: string[] = [];
  readonly performed: Command[] = [];
  fault: Fault | null = null;
  /** When each fuse burns, by number. */
  readonly fuses = new Map<number, number>();
  /** When requests were last touched. */
  touchedUntil = 0;
  /** Since when a dose has been wanted without a break and was there: a renewal must not interrupt it. */
  gaps = 0;

  look(): Look {
    const { context } = this.machine;
    const about = context.doses.findLast(({ since }) => since !== null) ?? null;
    const seenMs = about?.since == null ? 0 : Math.max(0, (about.until ?? this.at) - about.since - SEEN_MS);
    const matched = Math.round(seenMs / 10);
    const faulted = Math.round((matched * (about?.dosePpm ?? 0)) / 1_000_000);
    const isJudged = this.evidence === 'fresh' && (about === null ? context.startedAt !== null : matched > 400);
    const steadyState = this.steadyState === 'Holds' && !isJudged ? 'Undecided' : this.steadyState;
    return {
      at: this.at,
      plan: this.plan,
      facts: {
        deleting: this.deleting,
        end: this.end,
        admission: this.admission,
        fault: {
          exists: this.fault !== null,
          dosePpm: this.fault?.dosePpm ?? null,
          isForeign: this.fault?.isForeign ?? false,
          fuses: [...this.fuses].map(([number, expiresAt]) => ({
            ...{ number, expiresAt },
            isOwner: this.fault?.owners.includes(number) ?? false,
          })),
        },
        measuredFrom: about?.since ?? null,
        dose: { matched, faulted, isProven: faulted < 10 ? null : true, message: `${faulted} of ${matched}` },
        isClean:
          this.evidence !== 'fresh' || context.goneAt === null || this.at < context.goneAt + SEEN_MS
            ? null
            : this.touchedUntil < context.goneAt + 1_000,
        evidence: { state: this.evidence, message: this.evidence },
        steadyState: this.plan.hasObjectives ? { kind: steadyState, message: steadyState } : null,
      },
    };
  }

  /** One reconcile: look, decide, store, act; until nothing is to be done. A dead controller does nothing. */
  reconcile(): void {
    for (let round = 0; round < 10 && !this.isDead; round += 1) {
      const look = this.look();
      const before = JSON.stringify(this.machine);
      const { announcements, ...next } = settle(this.machine, look);
      this.#checkEnd(next);
      this.machine = next;
      this.announced.push(...announcements.map(({ reason }) => reason));
      const commands = commandsFor(next.state, next.context, look);
      for (const command of commands) this.#perform(command);
      if (commands.length === 0 && JSON.stringify(next) === before) return;
    }
    if (!this.isDead) throw new Error(`reconcile does not settle in ${this.machine.state}`);
  }

  /** Lets time pass, reconciling at each wake as the queue would. */
  pass(ms: number): void {
    const until = this.at + ms;
    while (this.at < until) {
      const { state, context } = this.machine;
      const wake = this.isDead ? null : wakeAt(state, context, { plan: this.plan, at: this.at });
      if (!this.isDead && wake === null && state !== 'Finished') throw new Error(`no next look in ${state}`);
      if (wake !== null && wake <= this.at) throw new Error(`a look in the past in ${state}`);
      this.#advanceTo(Math.min(until, wake ?? until));
      this.reconcile();
    }
  }

  restart(): void {
    this.isDead = false;
    this.diesAfter = null;
    this.reconcile();
  }

  /** In steps of a second, as the cluster's own controllers work. */
  #advanceTo(to: number): void {
    while (this.at < to) {
      this.at = Math.min(to, this.at + 1_000);
      for (const [number, expiresAt] of this.fuses) if (expiresAt <= this.at) this.fuses.delete(number);
      const { fault } = this;
      if (fault !== null && !fault.owners.some((number) => this.fuses.has(number))) {
        if (!this.isDead && this.machine.state === 'Injecting') this.gaps += 1;
        this.fault = null;
      }
      if (this.fault !== null) this.touchedUntil = this.at;
    }
  }

  #perform(command: Command): void {
    if (this.diesAfter !== null && this.diesAfter <= 0) this.isDead = true;
    if (this.isDead) return;
    if (this.diesAfter !== null) this.diesAfter -= 1;
    this.performed.push(command);
    switch (command.kind) {
      case 'LightFuse':
        if (command.seconds * 1000 > this.plan.fuseMs + 1_000) throw new Error('a fuse is longer than the spec allows');
        if (!this.fuses.has(command.number)) this.fuses.set(command.number, this.at + command.seconds * 1000);
        return;
      case 'WriteFault':
        this.#write(command);
        return;
      case 'RemoveFault':
        this.fault = null;
        this.fuses.clear();
    }
  }

  #write({ dosePpm, fuses }: Extract<Command, { kind: 'WriteFault' }>): void {
    const { state, context } = this.machine;
    if (!fuses.some((number) => this.fuses.has(number))) throw new Error('a fault without a fuse');
    if (state !== 'Injecting' || context.ended !== null) throw new Error(`a fault is written in ${state}`);
    if (this.admission.state === 'denied') throw new Error('a fault without admission');
    if (!this.plan.ramp.some((dose) => dose.dosePpm === dosePpm)) throw new Error('a dose that nobody asked for');
    this.fault = { dosePpm, isForeign: false, owners: fuses };
  }

  #checkEnd({ state, context }: Standing): void {
    if (state !== 'Finished') return;
    if (this.fault !== null || this.fuses.size > 0) throw new Error('finished with a fault or a fuse left');
    const last = context.doses.at(-1);
    const isShown = last?.isProven === true && last.steadyState === 'Holds';
    if (context.outcome?.verdict === 'Passed' && !isShown) throw new Error('passed without evidence');
  }
}
