/**
 * The reporter inside a test's process: one JSON line per finished test, and a last one that says the run came to its
 * end, so that a process which stops half-way is told from one that is done.
 */
import { inspect } from 'node:util';

const NOT_ITS_OWN = 'subtestsFailed';

export default async function* events(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const error = data.details?.error;
    if (error?.failureType === NOT_ITS_OWN) continue;
    const left =
      data.skip !== undefined && data.skip !== false
        ? 'skip'
        : data.todo !== undefined && data.todo !== false
          ? 'todo'
          : null;
    // A suite is counted through its tests, unless a hook of its own has failed.
    if (data.details?.type === 'suite' && type === 'test:pass' && left === null) continue;
    const failure = left
      ? `marked ${left}: a test either runs or is deleted`
      : type === 'test:fail'
        ? describe(error)
        : null;
    yield `${JSON.stringify({ name: data.name, line: data.line, failure })}\n`;
  }
  yield '{"end":true}\n';
}

function describe(error) {
  const cause = error?.code === 'ERR_TEST_FAILURE' && error.cause !== undefined ? error.cause : error;
  return typeof cause === 'string' ? cause : inspect(cause, { depth: 6, breakLength: 120 });
}
