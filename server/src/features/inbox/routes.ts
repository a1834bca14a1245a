import type { FastifyInstance } from 'fastify';
import type { Sql } from '../../platform/db/db.ts';
import { typed } from '../../platform/http/server.ts';
import { INBOX_STYLE_HASH, inboxPage } from './page.ts';
import { type InboxMessage, InboxMessages, InboxPage, InboxQuery } from './schema.ts';
import { type KeptMail, newestMails, newestMailsTo } from './store.ts';

const NEWEST = 100;
const open = { access: 'public', limits: 'none' } as const;

const PAGE_HEADERS = {
  'content-security-policy': `default-src 'none'; style-src '${INBOX_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
};

export function inboxRoutes(app: FastifyInstance, db: Sql): void {
  typed(app).get(
    '/dev/inbox',
    {
      config: open,
      schema: {
        tags: ['Development'],
        summary: 'The development inbox, as a page',
        querystring: InboxQuery,
        response: { 200: InboxPage },
      },
    },
    async (request, reply) => {
      const { to } = request.query;
      const page = inboxPage((await mails(db, to)).map(shown), to?.trim() ?? '');
      return reply.headers(PAGE_HEADERS).type('text/html; charset=utf-8').send(page);
    },
  );
  typed(app).get(
    '/dev/inbox/messages',
    {
      config: open,
      schema: {
        tags: ['Development'],
        summary: 'The mails in the development inbox',
        description: 'Only with EMAIL_SERVICE=inbox, and never in production.',
        querystring: InboxQuery,
        response: { 200: InboxMessages },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return { data: (await mails(db, request.query.to)).map(shown) };
    },
  );
}

function mails(db: Sql, to = ''): Promise<KeptMail[]> {
  const address = to.trim();
  return address === '' ? newestMails(db, NEWEST) : newestMailsTo(db, address, NEWEST);
}

/** The digits in a link are part of its token, and no code. */
function shown(mail: KeptMail): InboxMessage {
  return {
    id: mail.id,
    to: mail.to_address,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    links: mail.links,
    codes: mail.text.replace(/https?:\/\/\S+/g, ' ').match(/(?<![\w.-])\d{6,8}(?![\w-]|\.\d)/g) ?? [],
    sent_at: mail.sent_at.toISOString(),
  };
}
