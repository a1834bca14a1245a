/** The time, in milliseconds since the epoch. Everything that expires asks it, so that tests can move it. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
