import { DEFAULT_STEPPING } from '../../machines/judge/index.ts';
import type { AnnounceCommand } from '../../machines/rollout/announcements.ts';
import { type Command, commandsFor } from '../../machines/rollout/commands.ts';
import { initialContext } from '../../machines/rollout/context.ts';
import type { RolloutState } from '../../machines/rollout/desired.ts';
import {
  ABSENT,
  type Facts,
  type FaultFact,
  type GateFact,
  type ObservedRoute,
  type PreflightFact,
  type RevisionFact,
  type VerdictFact,
} from '../../machines/rollout/facts.ts';
import type { Look } from '../../machines/rollout/guards.ts';
import type { Plan } from '../../machines/rollout/plan.ts';
import { type Standing, settle } from '../../machines/rollout/settle.ts';
import { wakeAt } from '../../machines/rollout/wake.ts';

export const PLAN: Plan = {
  stepping: {
    kind: 'fixed',
    steps: [
      { weightBp: 500, holdMs: 10_000 },
      { weightBp: 5_000, holdMs: 10_000 },
      { weightBp: 10_000, holdMs: 0 },
    ],
  },
  gates: [],
  bakeMs: 20_000,
  progressDeadlineMs: 60_000,
  deadlineMs: 600_000,
  onInconclusive: 'RollBack',
  propagationMs: 2_000,
  drainMs: 5_000,
};

/** The same, with steps that the evidence says. */
export const ADAPTIVE_PLAN: Plan = {
  ...PLAN,
  stepping: { kind: 'adaptive', parameters: DEFAULT_STEPPING, dwellMs: 10_000, firstBp: null },
};

/** The same, with a fault to bear before the canary gets more than 5 %, and another one before it gets all. */
export const GATED_PLAN: Plan = {
  ...PLAN,
  gates: [
    { name: 'payments-429', atBp: 500 },
    { name: 'payments-slow', atBp: 5_000 },
  ],
};

const START: Standing = { state: 'Adopting', context: initialContext };

export interface MutableRevision {
  owner: 'Deployment' | 'Rollout' | null;
  replicas: number;
  ready: number;
  left: number;
  hasService: boolean;
}

/**
 * The cluster as far as the machine can see it: commands take effect at once, pods become ready and metrics follow with the next tick.
 * It refuses what a real cluster would punish, so that a wrong order of commands is an error here.
 */
export class MachineWorld {
  at = 1_000_000;
  machine: Standing = START;
  template = 'v1';
  generation = 1;
  paused = false;
  replicas = 4;
  revisions = new Map<string, MutableRevision>([
    ['v1', { owner: 'Deployment', replicas: 4, ready: 4, left: 4, hasService: false }],
  ]);
  route: ObservedRoute = { kind: 'plain' };
  originalKept = false;
  isRestored = true;
  /** The Deployment itself exists. */
  hasWorkload = true;
  /** The Deployment controller finds the handed over ReplicaSet saturated. */
  retiresStable = true;
  /** The process dies between the two writes of a restore. */
  cutsRestore = false;
  metrics: Facts['evidence']['state'] = 'fresh';
  hasTraffic = true;
  /** Proxies that do not get new routes keep following this one. */
  stuckRoute: ObservedRoute | null = null;
  verdict: VerdictFact['kind'] = 'Advance';
  /** Both versions breach the objective, maybe since a step; nobody can tell it from a breach of the canary alone while it has all requests. */
  outage: 'none' | 'unrelated' | 'sinceStep' = 'none';
  /** The evidence suffices for a promotion. */
  isShownGood = true;
  /** Weight that the evidence allows, where the plan leaves it to the evidence. */
  nextBp: number | null = null;
  preflight: PreflightFact = { state: 'passed', requestRate: null };
  embargo: Facts['embargo'] = null;
  plan = PLAN;
  request: Facts['request'] = null;
  deleting = false;
  isGone = false;
  /** The judge takes these back. */
  badRevisions = new Set<string>();
  /** Pods of these never become ready. */
  unreadyRevisions = new Set<string>();
  /** Experiments that the pods see; those of gates are made by commands. */
  faults: FaultFact[] = [];
  /** How long each of them injects, in ms. */
  faultMs = 20_000;
  /** How the experiment of a gate ends. */
  gateAnswer: GateFact['state'] = 'passed';
  /** Everything that was done, for assertions. */
  readonly performed: Command[] = [];
  readonly announced: AnnounceCommand[] = [];
  readonly visited: RolloutState[] = [];

  facts(): Facts {
    const { release, routeSince } = this.machine.context;
    const sent = this.stuckRoute ?? this.route;
    const isWindowComplete = routeSince !== null && this.at >= routeSince + 6_000;
    return {
      deleting: this.deleting,
      workload: this.workloadFact(),
      active: this.running().length === 1 ? (this.running()[0]?.[0] ?? null) : null,
      revisions: Object.fromEntries([...this.revisions].map(([name, revision]) => [name, this.revisionFact(revision)])),
      route: this.route,
      routeRestored: this.isRestored,
      held: !this.isGone,
      originalKept: this.originalKept,
      traffic: isWindowComplete && this.metrics === 'fresh' ? trafficOf(sent, this.hasTraffic ? 1_000 : 0) : null,
      evidence: { state: this.metrics, message: this.metrics },
      verdict:
        release?.evidenceSince == null
          ? null
          : {
              revision: release.revision,
              ...this.verdictOn(release.revision),
              message: 'judged',
              isShownGood: this.isShownGood,
              nextBp: this.nextBp,
              expectedAt: null,
            },
      preflight: this.preflight,
      embargo: this.embargo,
      faults: this.faults,
      trials: this.trials(),
      gate: this.gateFact(),
      failed: null,
      request: this.request,
    };
  }

  /** What the experiment of the gate that is tried says: a failure at once, everything else when it is over. */
  private gateFact(): GateFact | null {
    const name = this.machine.context.release?.gate?.name;
    if (name === undefined) return null;
    const fault = this.faults.findLast(({ gate }) => gate === name);
    const isOver = fault !== undefined && (fault.until !== null || this.gateAnswer === 'failed');
    const state = fault === undefined ? 'absent' : isOver ? this.gateAnswer : 'running';
    return { name, state, message: `it is ${state}` };
  }

  private trials(): Facts['trials'] {
    const present = this.machine.context.release?.gate?.name;
    return this.faults
      .filter(({ gate, until }) => gate !== null && until === null)
      .map(({ namespace, name, gate, isStopping }) => ({ namespace, name, isStopping, isPresent: gate === present }));
  }

  private injectFor(ms: number): void {
    this.faults = this.faults.map((fault) =>
      fault.until === null && (fault.isStopping || this.at >= fault.from + ms) ? { ...fault, until: this.at } : fault,
    );
  }

  inject(fault: Partial<FaultFact> = {}): void {
    const id = `fault-${this.faults.length + 1}`;
    const fuseUntil = this.at + 60_000;
    const begun = { id, namespace: 'shop', name: id, from: this.at, until: null, fuseUntil, gate: null };
    this.faults = [...this.faults, { ...begun, isBreached: false, isStopping: false, ...fault }];
  }

  private workloadFact(): Facts['workload'] {
    if (!this.hasWorkload) return null;
    return {
      revision: this.template,
      generation: this.generation,
      paused: this.paused,
      rolling: this.running().length > 1,
      settled: this.running().length === 1 && this.running()[0]?.[1].ready === this.replicas,
      replicas: this.replicas,
    };
  }

  private verdictOn(revision: string): Pick<VerdictFact, 'kind' | 'reason'> {
    if (this.badRevisions.has(revision)) return { kind: 'Rollback', reason: 'HarmAgainstStable' };
    if (this.outage === 'none') return { kind: this.verdict, reason: 'NoEvidenceOfHarm' };
    const hasAll = this.machine.context.release?.raises.at(-1)?.weightBp === 10_000;
    if (hasAll) return { kind: 'Hold', reason: 'BreachUncompared' };
    return { kind: 'Hold', reason: this.outage === 'sinceStep' ? 'BreachSinceStep' : 'StableBreachesSlo' };
  }

  look(): Look {
    return { at: this.at, plan: this.plan, facts: this.facts() };
  }

  /** One reconcile: look, decide, act; until nothing is to be done. */
  reconcile(): void {
    for (let round = 0; round < 20; round += 1) {
      const look = this.look();
      const before = this.machine;
      const { announcements, ...next } = settle(before, look);
      this.machine = next;
      this.announced.push(...announcements);
      if (this.visited.at(-1) !== next.state) this.visited.push(next.state);
      const commands = commandsFor(next.state, next.context, look);
      for (const command of commands) this.perform(command);
      if (commands.length === 0 && JSON.stringify(before) === JSON.stringify(next)) return;
    }
    if (!this.isGone) throw new Error(`reconcile does not settle in ${this.machine.state}`);
  }

  /** Lets time pass up to `ms`, reconciling at each wake as the queue would. */
  pass(ms: number): void {
    const until = this.at + ms;
    while (this.at < until && !this.isGone) {
      this.becomeReady();
      this.injectFor(this.faultMs);
      this.reconcile();
      const wake = wakeAt(this.machine.state, this.machine.context, this.plan, this.at);
      if (wake !== null && wake <= this.at) throw new Error(`wake in the past in ${this.machine.state}`);
      this.at = Math.min(until, wake ?? until, this.at + 1_000);
    }
    this.becomeReady();
    this.reconcile();
  }

  /** Lets time pass until the machine is in `state`. */
  passUntil(state: RolloutState, limitMs = 300_000): void {
    const until = this.at + limitMs;
    while (this.machine.state !== state) {
      if (this.at >= until) throw new Error(`still in ${this.machine.state} after ${limitMs} ms, not in ${state}`);
      this.pass(500);
    }
  }

  release(template: string): void {
    this.template = template;
    this.generation += 1;
  }

  becomeReady(): void {
    if (!this.paused) this.rollByItself();
    for (const [name, revision] of this.revisions) {
      const isRunning = revision.owner !== null;
      revision.left = isRunning ? revision.replicas : 0;
      revision.ready = isRunning && !this.unreadyRevisions.has(name) ? revision.replicas : 0;
      if (revision.owner === null && !revision.hasService) this.revisions.delete(name);
    }
  }

  /** What the Deployment controller does with a template that it does not run yet, when it is not paused. */
  private rollByItself(): void {
    if (this.running().length === 1 && this.running()[0]?.[0] === this.template) return;
    for (const [, old] of this.running()) old.replicas = 0;
    Object.assign(this.revision(this.template), { owner: 'Deployment', replicas: this.replicas });
  }

  private running(): readonly (readonly [string, MutableRevision])[] {
    return [...this.revisions].filter(([, { owner, replicas }]) => owner === 'Deployment' && replicas > 0);
  }

  private revisionFact({ owner, replicas, ready, left, hasService }: MutableRevision): RevisionFact {
    return {
      ...ABSENT,
      owner,
      replicas,
      ready,
      available: ready,
      left,
      service: { exists: hasService, readyEndpoints: hasService ? ready : 0, policiesInStep: true },
    };
  }

  private perform(command: Command): void {
    this.performed.push(command);
    switch (command.kind) {
      case 'KeepOriginal':
        this.originalKept = true;
        return;
      case 'WriteRoute':
        this.writeRoute(command.route);
        return;
      case 'EnsureRevision':
        this.revision(command.revision).hasService = true;
        return;
      case 'RemoveRevision':
        if (this.names(command.revision))
          throw new Error(`Service of ${command.revision} removed while the route names it`);
        this.revision(command.revision).hasService = false;
        return;
      case 'SizeCanary':
        Object.assign(this.revision(command.revision), { owner: 'Rollout', replicas: command.replicas });
        return;
      case 'RemoveCanary':
        if (this.names(command.revision))
          throw new Error(`pods of ${command.revision} removed while the route names them`);
        if (this.revision(command.revision).owner === 'Deployment')
          throw new Error('the Deployment owns this ReplicaSet');
        Object.assign(this.revision(command.revision), { owner: null, replicas: 0 });
        return;
      case 'HandOver':
        this.handOver(command.revision);
        return;
      case 'RetireStable':
        this.revision(command.revision).replicas = 0;
        return;
      case 'PauseDeployment':
        this.paused = command.paused;
        return;
      case 'SizeDeployment':
        this.resize(command.replicas);
        return;
      case 'OpenExperiment':
        this.inject({ gate: command.gate });
        return;
      case 'StopExperiment':
        this.faults = this.faults.map((fault) =>
          fault.name === command.name ? { ...fault, isStopping: true } : fault,
        );
        return;
      case 'LetGo':
        this.isGone = true;
        return;
    }
  }

  resize(replicas: number): void {
    this.replicas = replicas;
    for (const [, revision] of this.running()) revision.replicas = replicas;
  }

  private handOver(revision: string): void {
    const canary = this.revision(revision);
    if (canary.replicas !== this.replicas || canary.ready !== this.replicas) throw new Error('handed over unsaturated');
    if (this.retiresStable) for (const [, old] of this.running()) Object.assign(old, { replicas: 0 });
    canary.owner = 'Deployment';
  }

  private writeRoute(route: Facts['route']): void {
    if (!this.originalKept) throw new Error('route written without its original on record');
    if (route.kind === 'revisions') {
      if (route.canaryBp < 0 || route.canaryBp > 10_000) throw new Error('weights do not sum to 100');
      if ((route.canary === null) !== (route.canaryBp === 0)) throw new Error('weight without a canary');
      if (route.canaryBp < 10_000) this.requireEndpoints(route.stable);
      if (route.canary !== null) this.requireEndpoints(route.canary);
    }
    this.isRestored = route.kind !== 'plain' || !this.cutsRestore;
    this.cutsRestore = false;
    this.route = route;
  }

  private requireEndpoints(name: string): void {
    const { hasService, ready } = this.revision(name);
    if (!hasService || ready === 0) throw new Error(`route names ${name}, which has no ready endpoints`);
  }

  private names(revision: string): boolean {
    const { route } = this;
    return route.kind === 'revisions' && (route.stable === revision || route.canary === revision);
  }

  private revision(name: string): MutableRevision {
    const known = this.revisions.get(name);
    if (known !== undefined) return known;
    const made = { owner: null, replicas: 0, ready: 0, left: 0, hasService: false } as const;
    this.revisions.set(name, { ...made });
    return this.revisions.get(name) ?? { ...made };
  }
}

function trafficOf(route: ObservedRoute, requests: number): Facts['traffic'] {
  if (route.kind !== 'revisions') return { plain: requests, stable: 0, canary: 0 };
  const canary = Math.round((requests * route.canaryBp) / 10_000);
  return { plain: 0, stable: requests - canary, canary };
}
