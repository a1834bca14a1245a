import type { Transporter } from 'nodemailer';
import type { Config } from '../../config/config.ts';
import { assertSendable, MailFailure, type MailTransport, messageId } from './mail.ts';

type SmtpSettings = Extract<Config['mail'], { kind: 'smtp' }>;

const PARALLEL = 5;

/** The library is loaded with the first mail: whoever sends none starts without it. */
async function openPool(settings: SmtpSettings): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  return createTransport({
    pool: true,
    host: settings.host,
    port: settings.port,
    secure: settings.secure,
    requireTLS: settings.requireTls,
    ...(settings.user === undefined ? {} : { auth: { user: settings.user, pass: settings.password ?? '' } }),
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized: true },
    maxConnections: PARALLEL,
    maxRequeues: 0,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    dnsTimeout: 10_000,
    // The caller's signal ends a slow conversation sooner; this only bounds `check`.
    socketTimeout: 120_000,
    idleTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** SMTP through a pool of connections, TLS verified. Retrying is the outbox's work, so the pool repeats nothing. */
export function openSmtp(settings: SmtpSettings): MailTransport {
  let opened: Promise<Transporter> | undefined;
  const pool = (): Promise<Transporter> => (opened ??= openPool(settings));
  return {
    async send(mail, signal) {
      assertSendable(mail);
      try {
        const transporter = await pool();
        await transporter.sendMail({
          messageId: messageId(mail),
          from: { name: mail.from.name, address: mail.from.address },
          // As an object: a string would be parsed, and could be read as several recipients (I-129).
          to: { name: '', address: mail.to },
          subject: mail.subject,
          text: mail.text,
          html: mail.html,
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
          signal,
        });
      } catch (error) {
        throw failure(error);
      }
    },
    async check() {
      try {
        await (await pool()).verify();
      } catch (error) {
        throw failure(error);
      }
    },
    async close() {
      (await opened)?.close();
    },
  };
}

interface SmtpError {
  code?: string;
  command?: string;
  response?: string;
  responseCode?: number;
}

/**
 * A 5yz reply to RCPT or to the message is final (RFC 5321, section 4.2.1). To anything before, it speaks of our
 * sign-in or our sender, which are the same for every mail and which the operator can mend: nothing is given up for it.
 */
function failure(thrown: unknown): MailFailure {
  const { code = 'ESMTP', command = '', response = '', responseCode = 0 } = thrown as SmtpError;
  const [, enhanced = ''] = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(String(response)) ?? [];
  const codes = [code, responseCode || '', enhanced, command].filter((part) => part !== '').join(' ');
  const answersMail = ['EENVELOPE', 'EMESSAGE'].includes(code) && responseCode !== 421;
  if (!answersMail) return new MailFailure('unreachable', codes);
  const isFinal = responseCode >= 500 && responseCode !== 503 && command !== 'MAIL FROM';
  return new MailFailure(isFinal ? 'rejected' : 'deferred', codes);
}
