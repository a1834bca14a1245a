import { type Logger, pino } from 'pino';
import type { Config } from '../config/config.ts';
import { isUuid } from '../lib/id.ts';
import { type Clock, systemClock } from './clock.ts';
import { describeError } from './log/errors.ts';
import { prettyLine } from './log/pretty.ts';
import { type LineQueue, lineQueue } from './log/queue.ts';
import { scrubbedLine, withoutSecrets } from './log/redact.ts';
import { rotatingFile, streamTarget } from './log/targets.ts';

export type { Logger } from 'pino';

export interface Log {
  log: Logger;
  /** Writes what is waiting, for at most a second. Call it before the process ends, whatever the reason. */
  close(): Promise<void>;
  /** For SIGHUP: LOG_FILE is opened anew. */
  reopen(): void;
  /** How many lines were dropped because their destination was blocked or full. */
  dropped(): number;
}

export interface LogOptions {
  config: Pick<Config, 'LOG_LEVEL' | 'LOG_FORMAT' | 'LOG_FILE' | 'LOG_MAX_SIZE' | 'LOG_MAX_FILES'>;
  clock?: Clock;
  stdout?: NodeJS.WritableStream & { fd?: number; isTTY?: boolean };
}

const CLOSE_WAIT_MS = 1000;

/**
 * The log: JSON lines on stdout, and in LOG_FILE where one is set (always JSON there, since machines read files).
 * Neither a full disk nor a reader that has stopped ever holds up a request: lines are dropped, and counted.
 */
export function createLog({ config, clock = systemClock, stdout = process.stdout }: LogOptions): Log {
  const now = isoTimes(clock);
  const notice = (level: string, message: string, fields: object) =>
    scrubbedLine(`${JSON.stringify({ level, timestamp: now(), service: 'auth-api', ...fields, message })}\n`);
  const noticeOfLoss = (count: number) =>
    notice('warn', 'log lines were dropped: their destination was blocked or full', { count });
  const isColoured = stdout.isTTY === true;
  const shown = (line: string) => (config.LOG_FORMAT === 'pretty' ? prettyLine(line, isColoured) : line);

  const screen = lineQueue(streamTarget(stdout), { noticeOfLoss: (count) => shown(noticeOfLoss(count)) });
  const file =
    config.LOG_FILE === null
      ? null
      : fileQueue(config.LOG_FILE, config, noticeOfLoss, (error) =>
          screen.write(
            shown(notice('error', 'LOG_FILE cannot be written', { path: config.LOG_FILE, err: describeError(error) })),
          ),
        );

  const write = (line: string): void => {
    screen.write(shown(line));
    file?.queue.write(line);
  };
  const log = redactingLogger(config.LOG_LEVEL, now, write);
  requestWriters.set(log, requestWriter(now, write));
  return {
    log,
    close: async () => void (await Promise.all([screen.close(CLOSE_WAIT_MS), file?.queue.close(CLOSE_WAIT_MS)])),
    reopen: () => file?.queue.between(file.reopen),
    dropped: () => screen.dropped() + (file?.queue.dropped() ?? 0),
  };
}

/** What the log says of one request. Nothing in it is the client's own text but `request_id`. */
export interface RequestLine {
  readonly request_id: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly duration_ms: number;
  readonly address: string | undefined;
  readonly user_id: string | undefined;
}
type RequestWriter = (level: 'info' | 'debug', line: RequestLine) => void;
const requestWriters = new WeakMap<Logger, RequestWriter>();

/** Writes the lines of requests: one for each, so they do not take the way on which anything may be in a line. */
export function requestLog(log: Logger): RequestWriter {
  const write = requestWriters.get(log);
  if (write === undefined) return (level, line) => log[level](line, 'request');
  return (level, line) => {
    if (log.isLevelEnabled(level)) write(level, line);
  };
}

function requestWriter(now: () => string, write: (line: string) => void): RequestWriter {
  const rest = `"service":"auth-api","pid":${process.pid},"request_id":"`;
  return (level, { request_id, method, route, status, duration_ms, address, user_id }) => {
    const id = isUuid(request_id) ? request_id : scrubbedLine(request_id);
    const who = `${address === undefined ? '' : `,"address":"${address}"`}${user_id === undefined ? '' : `,"user_id":"${user_id}"`}`;
    write(
      `{"level":"${level}","timestamp":"${now()}",${rest}${id}","method":"${method}","route":"${route}","status":${status},"duration_ms":${duration_ms}${who},"message":"request"}\n`,
    );
  };
}

/** Many lines are of one millisecond. */
function isoTimes(clock: Clock): () => string {
  let last = Number.NaN;
  let text = '';
  return () => {
    const now = clock.now();
    if (now !== last) {
      last = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
}

interface FileQueue {
  queue: LineQueue;
  reopen(): Promise<void>;
}

function fileQueue(
  path: string,
  config: LogOptions['config'],
  noticeOfLoss: (count: number) => string,
  onTrouble: (error: unknown) => void,
): FileQueue {
  // LOG_MAX_FILES counts the current file too.
  const target = rotatingFile({ path, maxSize: config.LOG_MAX_SIZE, maxFiles: config.LOG_MAX_FILES - 1 });
  const batchBytes = Math.min(65_536, config.LOG_MAX_SIZE);
  return { queue: lineQueue(target, { batchBytes, noticeOfLoss, onTrouble }), reopen: target.reopen };
}

function redactingLogger(level: string, now: () => string, write: (line: string) => void): Logger {
  const log: Logger = pino(
    {
      level,
      base: { service: 'auth-api', pid: process.pid },
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${now()}"`,
      formatters: { level: (label) => ({ level: label }), log: withoutSecrets },
      serializers: { err: describeError, req: describeRequest, res: describeResponse },
      hooks: { streamWrite: scrubbedLine },
    },
    { write },
  );
  // pino applies no formatter to the bindings of children; they get the same treatment here.
  const child = log.child;
  log.child = function (this: Logger, bindings: object, options?: object) {
    return child.call(this, withoutSecrets(bindings as Record<string, unknown>), options as never);
  } as typeof log.child;
  return log;
}

/** Never the query (it may hold a token of a mail) and never a header. */
function describeRequest(request: { method?: string; url?: string; ip?: string }): object {
  return { method: request?.method, path: request?.url?.split(/[?#]/)[0], address: request?.ip };
}

function describeResponse(response: { statusCode?: number }): object {
  return { status: response?.statusCode };
}
