const LIVE_EVERY = 1000;
const LINE_EVERY = 5000;

export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs `work` while one line tells that something is happening: rewritten in place on a terminal, repeated every few
 * seconds elsewhere.
 */
export async function withProgress(label, work) {
  const live = Boolean(process.stderr.isTTY);
  const started = Date.now();
  const line = () => `  ${label} … ${Math.round((Date.now() - started) / 1000)} s`;
  const draw = () => process.stderr.write(live ? `\r\x1b[K${line()}` : `${line()}\n`);
  if (live) draw();
  else say(`  ${label} …`);
  const timer = setInterval(draw, live ? LIVE_EVERY : LINE_EVERY);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    process.stderr.write(
      live ? `\r\x1b[K${line()}\n` : `  ${label}: ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
    );
  }
}
