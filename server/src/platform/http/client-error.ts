import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import { Refusal, type RefusalCode } from '../../lib/refusal.ts';
import { problemOf } from './problem.ts';

const CODES: Record<string, RefusalCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

const PARTING_MS = 1_000;

/**
 * Answers what the HTTP parser refused: there is no request to answer then, only a connection, which ends. Where an
 * earlier request of the connection still waits for its answer, nothing is written: it would be taken for that answer.
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  requestId: string,
  hasOthersWaiting: boolean,
): number | null {
  if (error.code === 'ECONNRESET' || !socket.writable || hasOthersWaiting) {
    socket.destroy();
    return null;
  }
  const refusal = new Refusal(CODES[error.code ?? ''] ?? 'malformed_request');
  part(socket, rawAnswer(refusal, requestId));
  return refusal.status;
}

/** CONNECT asks for a tunnel (RFC 9110, section 9.3.6); this is no proxy. */
export function refuseTunnel(socket: Socket, requestId: string): void {
  socket.on('error', () => undefined);
  part(socket, rawAnswer(new Refusal('method_not_allowed'), requestId, 'Allow: OPTIONS'));
}

// `end` closes our half only: a peer that never closes its own would hold the connection for ever. The second is for the
// answer to arrive, since what is destroyed with unread bytes is reset.
function part(socket: Socket, answer: string): void {
  const timer = setTimeout(() => socket.destroy(), PARTING_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  socket.end(answer);
}

/** The answers that each connection still waits for. */
export type Pending = WeakMap<object, Set<FastifyReply>>;

export function keepPending(pending: Pending, reply: FastifyReply): void {
  const { socket } = reply.request.raw;
  const waiting = pending.get(socket);
  if (waiting === undefined) pending.set(socket, new Set([reply]));
  else waiting.add(reply);
}

/** It was answered. Where the connection broke first, what waits is forgotten with it. */
export function dropPending(pending: Pending, reply: FastifyReply): void {
  pending.get(reply.request.raw.socket)?.delete(reply);
}

/** Whether a request that arrived whole waits for its answer; one that broke off in its body is what the error is about. */
export function isAwaited(pending: Pending, socket: object): boolean {
  return [...(pending.get(socket) ?? [])].some((reply) => reply.request.raw.complete || reply.raw.headersSent);
}

/** A whole HTTP answer that ends its connection. */
function rawAnswer(refusal: Refusal, requestId: string, ...more: string[]): string {
  const body = JSON.stringify(problemOf(refusal, requestId));
  return [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${requestId}`,
    'Connection: close',
    ...more,
    '',
    body,
  ].join('\r\n');
}
