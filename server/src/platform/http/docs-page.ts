import { readFileSync } from 'node:fs';
import { sha256 } from '../../lib/bytes.ts';
import { type Html, html } from '../../lib/html.ts';
import { type Operation, renderOperation, richText } from './docs-operation.ts';
import { createSchemaReader } from './docs-schema.ts';
import type { OpenApiDocument } from './openapi-document.ts';

/** Where the page expects its stylesheet; it adds a hash as the query, so the file may be cached for ever. */
export const DOCS_STYLESHEET = '/docs/style.css';

interface Section {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly operations: Operation[];
}

/**
 * The contract as a page to read: server-rendered, without any script, so that it works under
 * `default-src 'none'; style-src 'self'` and everything on it is found by the browser's own search.
 */
export function renderDocs(openapi: OpenApiDocument, { prefix }: { prefix: string }): { html: string; css: string } {
  const css = readFileSync(new URL('./docs.css', import.meta.url), 'utf8');
  const stylesheet = `${DOCS_STYLESHEET}?v=${sha256(css).toString('hex').slice(0, 16)}`;
  const sections = sectionsOf(openapi);
  const origin = (openapi.servers?.[0]?.url ?? '').replace(/\/$/, '');
  const context = { document: openapi, schemas: createSchemaReader(openapi), origin };
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${openapi.info.title} ${openapi.info.version}</title>
<link rel="stylesheet" href="${stylesheet}">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
${contents(openapi, sections)}
<main id="content" tabindex="-1">
<header>
<h1>${openapi.info.title} <span class="soft">${openapi.info.version}</span></h1>
${openapi.info.description && richText(openapi.info.description)}
<p>The same as a document for tools: <a href="${prefix}/openapi.json">openapi.json</a>.
One click on an example request selects all of it.</p>
</header>
${sections.map(
  (section) => html`<section id="${section.id}" aria-labelledby="${section.id}-title">
<h2 id="${section.id}-title">${section.name}</h2>
${section.description !== '' && richText(section.description)}
<ul class="overview">${section.operations.map(contentsLine)}</ul>
${section.operations.map((operation) => renderOperation(context, operation))}
<p class="back"><a href="#contents">Back to the contents</a></p>
</section>
`,
)}
</main>
</body>
</html>
`;
  return { html: page.toString(), css };
}

function contents(openapi: OpenApiDocument, sections: readonly Section[]): Html {
  return html`<nav id="contents" aria-label="Contents" tabindex="-1">
<p class="title">${openapi.info.title}</p>
<ul>${sections.map(
    (section) => html`<li><a class="tag" href="#${section.id}">${section.name}</a>
<ul class="operations">${section.operations.map(contentsLine)}</ul></li>
`,
  )}</ul>
</nav>`;
}

function contentsLine({ id, method, path, content }: Operation): Html {
  return html`<li><a class="line" href="#${id}"><span class="method ${method}">${method.toUpperCase()}</span>
<span class="name">${content.summary ?? path}</span></a></li>`;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Tags in the order in which the document declares them, then in the order of their first use. */
function sectionsOf(openapi: OpenApiDocument): Section[] {
  const sections = new Map<string, Section>();
  const sectionOf = (name: string, description = ''): Section => {
    const section = sections.get(name) ?? { id: `tag-${slug(name)}`, name, description, operations: [] };
    sections.set(name, section);
    return section;
  };
  for (const tag of openapi.tags ?? []) sectionOf(tag.name, tag.description);
  for (const [path, methods] of Object.entries(openapi.paths)) {
    for (const method of METHODS) {
      const content = methods[method];
      if (content === undefined) continue;
      const id = `${method}-${slug(path)}`;
      sectionOf(content.tags?.[0] ?? 'Other').operations.push({ id, method, path, content });
    }
  }
  return [...sections.values()].filter((section) => section.operations.length > 0);
}

/** Keeps different paths apart: what is not a letter, digit or hyphen becomes its own mark. */
function slug(text: string): string {
  return text
    .replace(/^\//, '')
    .replaceAll('/', '-')
    .replace(/[{}]/g, '_')
    .replace(/[^A-Za-z0-9_-]/g, (character) => `.${character.codePointAt(0)?.toString(16)}`);
}
