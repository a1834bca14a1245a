/**
 * Loaded into the server with --import: how late its event loop is, asked over the channel that the bench opened. The
 * server's own figure in /metrics is since the start; this one can be begun anew.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
delay.enable();

/** A reading counts from the last one, so the time between two of them is no delay. */
const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION);

process.on('message', (message) => {
  if (message === 'delay: begin') delay.reset();
  if (message !== 'delay: tell') return;
  process.send?.({ p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) });
});
// The channel must not keep the server from ending.
process.channel?.unref();
