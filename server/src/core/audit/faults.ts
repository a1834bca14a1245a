/** What a verification can find. */
export type FaultKind =
  | 'changed'
  | 'missing'
  | 'cut_off'
  | 'unsealed'
  | 'bad_signature'
  | 'erased_without_event'
  | 'forged'
  | 'repeated'
  | 'broken'
  | 'unguarded';

export interface Fault {
  kind: FaultKind;
  seq?: number;
  id?: string;
  detail: string;
}

const MAX_FAULTS = 100;

/** Collects the first hundred faults in full, and counts the rest: one cut in the middle may leave thousands. */
export function faultList(): { found: Fault[]; count(): number; add(fault: Fault): void } {
  const found: Fault[] = [];
  let count = 0;
  return {
    found,
    count: () => count,
    add(fault) {
      count += 1;
      if (found.length < MAX_FAULTS) found.push(fault);
    },
  };
}

export type FaultList = ReturnType<typeof faultList>;
