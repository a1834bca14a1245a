import { type Html, html } from '../../lib/html.ts';
import { refusalCatalogue } from '../../lib/refusal.ts';
import type { FieldText, SchemaReader } from './docs-schema.ts';
import type { OpenApiContent, OpenApiDocument, OpenApiOperation, OpenApiParameter } from './openapi-document.ts';

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly content: OpenApiOperation;
}

export interface OperationContext {
  readonly document: OpenApiDocument;
  readonly schemas: SchemaReader;
  /** What comes before the paths in an example. */
  readonly origin: string;
}

export function renderOperation(context: OperationContext, operation: Operation): Html {
  const { content, id, method, path } = operation;
  return html`<article id="${id}" aria-labelledby="${id}-title">
<h3 id="${id}-title"><a class="anchor" href="#${id}">
<span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code></a></h3>
${content.summary && html`<p class="summary">${content.summary}</p>`}
${content.deprecated && html`<p><strong>Deprecated.</strong></p>`}
${content.description && richText(content.description)}
<dl class="rules">
<div><dt>Access</dt><dd>${accessInWords(context, content)}</dd></div>
<div><dt>Limits</dt><dd>${limitsInWords[content['x-limits'] ?? 'address']}</dd></div>
</dl>
${renderParameters(context, content.parameters ?? [])}
${renderRequestBody(context, content)}
<h4>Example request</h4>
${codeBlock(`Example request: ${operation.method} ${path}`, curl(context, operation), 'copy')}
${renderAnswers(context, content)}
${renderErrors(content)}
</article>`;
}

function accessInWords(context: OperationContext, operation: OpenApiOperation): string {
  const access = operation['x-access'] ?? (takesCredential(context, operation) ? 'session' : 'public');
  const fresh = operation['x-fresh'] ? ', authenticated recently' : '';
  if (access === 'public') return 'Anyone';
  if (access === 'session') return `A signed-in user${fresh}`;
  return `A signed-in user with the permission ${access.permission}${fresh}`;
}

const limitsInWords: Record<NonNullable<OpenApiOperation['x-limits']>, string> = {
  none: 'Not counted',
  address: 'Counted per user when signed in, else per address',
  login: 'Counted per address with all operations that take a credential',
  'user-later': 'Counted per user',
};

function takesCredential({ document }: OperationContext, operation: OpenApiOperation): boolean {
  if (operation['x-access'] !== undefined) return operation['x-access'] !== 'public';
  const security = operation.security ?? document.security ?? [];
  return security.length > 0 && security.every((scheme) => Object.keys(scheme).length > 0);
}

function renderParameters({ schemas }: OperationContext, parameters: readonly OpenApiParameter[]): Html | null {
  if (parameters.length === 0) return null;
  const fields = parameters.map(
    (parameter): FieldText => ({
      name: parameter.name,
      type: `${schemas.type(parameter.schema ?? {})}, in the ${parameter.in}`,
      isRequired: parameter.required ?? parameter.in === 'path',
      constraints: schemas.constraints(parameter.schema ?? {}),
      description: parameter.description ?? parameter.schema?.description ?? '',
    }),
  );
  return html`<h4>Parameters</h4>${renderFields(fields)}`;
}

function renderRequestBody({ schemas }: OperationContext, { requestBody }: OpenApiOperation): Html | null {
  const schema = firstContent(requestBody?.content)?.schema;
  if (schema === undefined) return null;
  const fields = schemas.fields(schema);
  return html`<h4>Request body${requestBody?.required === false && html` <span class="soft">(optional)</span>`}</h4>
${fields.length === 0 ? html`<p><code>${schemas.type(schema)}</code></p>` : renderFields(fields)}`;
}

function renderFields(fields: readonly FieldText[]): Html {
  return html`<dl class="fields">
${fields.map(
  (field) => html`<div><dt><code>${field.name}</code> <span class="type">${field.type}</span>
${field.isRequired && html` <span class="required">required</span>`}</dt>
${field.constraints.length > 0 && html`<dd class="constraints">${field.constraints.join('; ')}</dd>`}
${field.description !== '' && html`<dd>${richInline(field.description)}</dd>`}</div>
`,
)}</dl>`;
}

function renderAnswers({ schemas }: OperationContext, { responses }: OpenApiOperation): Html[] {
  return Object.entries(responses ?? {})
    .filter(([status]) => !isError(status))
    .map(([status, response]) => {
      const content = firstContent(response.content);
      const schema = content?.schema;
      const example = content?.example ?? (schema === undefined ? undefined : schemas.example(schema, 'all'));
      const fields = schema === undefined ? [] : schemas.fields(schema);
      return html`<h4>Answer <code>${status}</code></h4>
${response.description && html`<p>${richInline(response.description)}</p>`}
${example !== undefined && codeBlock(`Example answer ${status}`, JSON.stringify(example, null, 2))}
${fields.length > 0 && html`<details><summary>Fields of the answer</summary>${renderFields(fields)}</details>`}`;
    });
}

function renderErrors(operation: OpenApiOperation): Html | null {
  const catalogue = new Map<string, ReturnType<typeof refusalCatalogue>[number]>(
    refusalCatalogue().map((refusal) => [refusal.code, refusal]),
  );
  const named = (operation['x-errors'] ?? []).map((code) => {
    const refusal = catalogue.get(code);
    return { status: String(refusal?.status ?? ''), code, text: refusal?.description ?? '' };
  });
  const covered = new Set(named.map(({ status }) => status));
  const declared = Object.entries(operation.responses ?? {})
    .filter(([status]) => isError(status) && !covered.has(status))
    .map(([status, response]) => ({ status, code: '', text: response.description ?? '' }));
  const errors = [...named, ...declared].sort((a, b) => (a.status < b.status ? -1 : a.status > b.status ? 1 : 0));
  if (errors.length === 0) return null;
  return html`<h4>Errors</h4>
<dl class="fields">
${errors.map(
  ({
    status,
    code,
    text,
  }) => html`<div><dt><code>${status}</code>${code !== '' && html` <code>${code}</code>`}</dt><dd>${richInline(text)}</dd></div>
`,
)}</dl>`;
}

/** A command that runs as pasted, but for the access token and what the example values stand for. */
function curl(context: OperationContext, { method, path, content }: Operation): string {
  const { schemas, origin } = context;
  const filledIn = (parameter: OpenApiParameter): string =>
    encodeURIComponent(String(schemas.example(parameter.schema ?? {}, 'required', parameter.name)));
  const parameters = content.parameters ?? [];
  const filled = parameters
    .filter((parameter) => parameter.in === 'path')
    .reduce((url, parameter) => url.replace(`{${parameter.name}}`, filledIn(parameter)), path);
  const query = parameters.filter((parameter) => parameter.in === 'query' && parameter.required);
  const search = query.map((parameter) => `${encodeURIComponent(parameter.name)}=${filledIn(parameter)}`).join('&');
  const lines = [
    `curl${method === 'get' ? '' : ` -X ${method.toUpperCase()}`} ${quoted(origin + filled + (search && `?${search}`))}`,
  ];
  if (takesCredential(context, content)) lines.push('-H "Authorization: Bearer $ACCESS_TOKEN"');
  for (const header of parameters.filter((parameter) => parameter.in === 'header' && parameter.required)) {
    lines.push(
      `-H ${quoted(`${header.name}: ${String(schemas.example(header.schema ?? {}, 'required', header.name))}`)}`,
    );
  }
  const body = firstContent(content.requestBody?.content);
  if (body?.schema !== undefined) {
    lines.push("-H 'Content-Type: application/json'");
    lines.push(`-d ${quoted(JSON.stringify(body.example ?? schemas.example(body.schema, 'required')))}`);
  }
  return lines.join(' \\\n  ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** It scrolls sideways where it is too wide, so the keyboard must reach it (WCAG 2.1.1). */
function codeBlock(label: string, text: string, kind = ''): Html {
  return html`<pre class="${kind}" tabindex="0" role="region" aria-label="${label}"><code>${text}</code></pre>`;
}

function firstContent(content: OpenApiContent | undefined) {
  return content === undefined ? undefined : Object.values(content)[0];
}

function isError(status: string): boolean {
  return status === 'default' || /^[45]/.test(status);
}

/** The little of Markdown that descriptions use: paragraphs, lists, `code` and **strong**. */
export function richText(text: string): Html[] {
  return text.split(/\n\s*\n/).map((block) => {
    const lines = block.trim().split('\n');
    if (!lines.every((line) => line.startsWith('- '))) return html`<p>${richInline(lines.join(' '))}</p>`;
    return html`<ul>${lines.map((line) => html`<li>${richInline(line.slice(2))}</li>`)}</ul>`;
  });
}

function richInline(text: string): Html[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.length > 2 && part.startsWith('`') && part.endsWith('`')) return html`<code>${part.slice(1, -1)}</code>`;
    if (part.length > 4 && part.startsWith('**') && part.endsWith('**'))
      return html`<strong>${part.slice(2, -2)}</strong>`;
    return html`${part}`;
  });
}
