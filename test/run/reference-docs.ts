import { configurationMarkdown, envExample } from '../../server/src/config/document.ts';
import { auditActions } from '../../server/src/core/audit/index.ts';
import { refusalCatalogue } from '../../server/src/lib/refusal.ts';

/** Prints one of the generated reference pages: `node test/run/reference-docs.ts errors`. */
const pages: Record<string, () => string> = {
  configuration: configurationMarkdown,
  'env-example': envExample,
  errors: errorsMarkdown,
  'audit-events': auditEventsMarkdown,
};

function errorsMarkdown(): string {
  const rows = refusalCatalogue().map(
    (one) => `| \`${one.code}\` | ${one.status} | ${one.title}. ${one.description} |`,
  );
  return `# Errors

Generated from \`server/src/lib/refusal.ts\`. Every error is \`application/problem+json\` (RFC 9457) with a stable \`code\`:

\`\`\`json
{"type":"urn:auth-api:error:validation_failed","title":"The request is not valid","status":400,"code":"validation_failed",
 "request_id":"019abcde-…","errors":[{"field":"email","code":"required","message":"is missing"}]}
\`\`\`

\`request_id\` is in the \`X-Request-Id\` header too, in the log and in the audit line.

| code | status | meaning |
|---|---|---|
${rows.join('\n')}
`;
}

function auditEventsMarkdown(): string {
  const rows = auditActions().map(({ action, meaning }) => `| \`${action}\` | ${meaning} |`);
  return `# Audit events

Generated from \`server/src/core/audit/actions.ts\`.

| action | meaning |
|---|---|
${rows.join('\n')}
`;
}

const page = pages[process.argv[2] ?? ''];
if (page === undefined) {
  process.stderr.write(`usage: node test/run/reference-docs.ts <${Object.keys(pages).join('|')}>\n`);
  process.exit(64);
}
process.stdout.write(page());
