/** What one pod gets: an address of its own and a loopback port for its sidecar's HTTP proxy. */
export interface PodAddress {
  readonly ip: string;
  readonly proxyPort: number;
}

/** Hands out addresses; `uid` names the pod that holds one. */
export interface AddressPool {
  /** The pod's address, the same one for as long as the pod holds it. Throws when none is free. */
  take(uid: string, nowMs: number): PodAddress;
  /** Gives the pod the address that it had before the kubelet restarted; false when it is not one of ours or is held. */
  reserve(uid: string, ip: string): boolean;
  /** Ends the hold; nobody gets the address for the quarantine time. */
  release(uid: string, nowMs: number): void;
}

const HOSTS_PER_SUBNET = 254;
const FIRST_SUBNET = 1;
const SUBNETS = 40;
/** Below the ephemeral range (32768 and up), so that no outgoing connection takes a proxy's port. */
const FIRST_PROXY_PORT = 20_000;
const POOL_SIZE = HOSTS_PER_SUBNET * SUBNETS;
/** Long enough for every proxy to have forgotten the pod and for TIME_WAIT to end. */
const QUARANTINE_MS = 300_000;

function addressAt(index: number): PodAddress {
  const subnet = FIRST_SUBNET + Math.floor(index / HOSTS_PER_SUBNET);
  return { ip: `10.244.${subnet}.${(index % HOSTS_PER_SUBNET) + 1}`, proxyPort: FIRST_PROXY_PORT + index };
}

function indexOf(ip: string): number | undefined {
  const match = /^10\.244\.(\d+)\.(\d+)$/.exec(ip);
  if (!match) return undefined;
  const subnet = Number(match[1]) - FIRST_SUBNET;
  const host = Number(match[2]) - 1;
  const isOurs = subnet >= 0 && subnet < SUBNETS && host >= 0 && host < HOSTS_PER_SUBNET;
  return isOurs ? subnet * HOSTS_PER_SUBNET + host : undefined;
}

/** An empty pool of 10.244.1.1 to 10.244.40.254, handed out in turn so that an address comes back as late as possible. */
export function createAddressPool(size: number = POOL_SIZE): AddressPool {
  const held = new Map<string, number>();
  const busy = new Set<number>();
  const freeAtMs = new Map<number, number>();
  let next = 0;

  const hold = (uid: string, index: number) => {
    held.set(uid, index);
    busy.add(index);
    freeAtMs.delete(index);
    next = (index + 1) % size;
    return addressAt(index);
  };

  return {
    take(uid, nowMs) {
      const own = held.get(uid);
      if (own !== undefined) return addressAt(own);
      for (let offset = 0; offset < size; offset += 1) {
        const index = (next + offset) % size;
        if (!busy.has(index) && (freeAtMs.get(index) ?? 0) <= nowMs) return hold(uid, index);
      }
      throw new Error(
        `all ${size} pod addresses are held or in quarantine: delete pods, or wait ${QUARANTINE_MS / 1000} s`,
      );
    },
    reserve(uid, ip) {
      const index = indexOf(ip);
      if (index === undefined || index >= size || busy.has(index)) return false;
      hold(uid, index);
      return true;
    },
    release(uid, nowMs) {
      const index = held.get(uid);
      if (index === undefined) return;
      held.delete(uid);
      busy.delete(index);
      freeAtMs.set(index, nowMs + QUARANTINE_MS);
    },
  };
}
