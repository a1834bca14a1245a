import http from 'node:http';
import https from 'node:https';
import type { Config } from '../config/config.ts';
import { command, json } from './command.ts';
import { EXIT, Failure } from './failure.ts';
import { print, printJson } from './output.ts';
import { readConfig } from './start.ts';

export const health = command({
  summary: 'Ask the running server on this machine whether it is well.',
  about:
    'For the HEALTHCHECK of a container, where there is no curl. Exit code 0: well; 1: it answers, but not well; 69: it does not answer.',
  examples: ['auth-api health', 'auth-api health --ready', 'HEALTHCHECK CMD ["auth-api", "health"]'],
  args: {
    json,
    ready: { type: 'boolean', description: 'Ask for readiness (database, migrations) rather than for life.' },
    timeout: { type: 'string', description: 'Seconds to wait for the answer.', default: '3' },
  },
  async run({ args }) {
    const { config } = await readConfig();
    const seconds = Number(args.timeout);
    if (!(seconds > 0 && seconds <= 60))
      throw new Failure(EXIT.usage, '--timeout takes seconds, above 0 and up to 60.');
    const path = args.ready ? config.READY_CHECK_PATH : config.HEALTH_CHECK_PATH;
    const answer = await ask(config, path, seconds * 1000);
    if (args.json) printJson({ status: answer.status, body: answer.body });
    else print(answer.status === 200 ? 'well' : `answers ${answer.status}: ${JSON.stringify(answer.body)}`);
    if (answer.status !== 200) process.exitCode = EXIT.failed;
  },
});

function ask(config: Config, path: string, patience: number): Promise<{ status: number; body: unknown }> {
  const host = ['0.0.0.0', '::', ''].includes(config.HOST) ? '127.0.0.1' : config.HOST;
  const options = { host, port: config.PORT, path, timeout: patience, headers: { connection: 'close' } };
  return new Promise((done, fail) => {
    const silent = (): void => fail(new Failure(EXIT.unavailable, `Nothing answers on port ${config.PORT}.`));
    const onAnswer = (response: http.IncomingMessage): void => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => done({ status: response.statusCode ?? 0, body: parsed(text) }));
    };
    // The server asks for itself: its certificate is for another name than this address.
    const request =
      config.tls === null
        ? http.get(options, onAnswer)
        : https.get({ ...options, rejectUnauthorized: false }, onAnswer);
    request.on('error', silent).on('timeout', () => request.destroy(new Error('no answer in time')));
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 200);
  }
}
