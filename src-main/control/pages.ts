import { createHash } from 'node:crypto';

/** Pages that need neither a session nor the built renderer: no script, and one style sheet, allowed by its hash. */

const style = `
:root { color-scheme: light dark; --ground: #f7f7f8; --panel: #fff; --ink: #1b1c1f; --quiet: #5c606a; --line: #d5d7dc; --bad: #b3261e; --focus: #2457c5; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #131416; --panel: #1b1d20; --ink: #e8e9ec; --quiet: #a2a6b0; --line: #3a3d44; --bad: #ff8f85; --focus: #8fb2ff; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 1.75rem; }
h1 { margin: 0 0 .25rem; font-size: 1.25rem; }
p { margin: 0 0 1rem; }
.quiet { color: var(--quiet); }
.bad { color: var(--bad); }
code { font: .9375em ui-monospace, monospace; overflow-wrap: anywhere; }
label { display: block; margin-bottom: .375rem; font-weight: 600; }
input { width: 100%; padding: .625rem .75rem; font: 1.25rem ui-monospace, monospace; letter-spacing: .15em; text-transform: uppercase;
  color: inherit; background: var(--ground); border: 1px solid var(--quiet); border-radius: 6px; }
button { margin-top: 1rem; width: 100%; padding: .625rem; font: inherit; font-weight: 600; color: var(--panel); background: var(--ink);
  border: 1px solid var(--ink); border-radius: 6px; cursor: pointer; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
`;

const styleHash = createHash('sha256').update(style).digest('base64');

/** For these pages only; the built renderer has a stricter one without hashes. */
export const pageSecurityPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'`;

function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
}

export function loginPage(options: { endpoint: string; problem: string | null }): string {
  const problem =
    options.problem === null ? '' : `<p class="bad" role="alert" id="problem">${withCode(options.problem)}</p>`;
  return page(
    'Log in – CProxy',
    `<h1>CProxy</h1>
<p class="quiet"><code>${escapeHtml(options.endpoint)}</code></p>
<p>To open this page, run <code>cproxy login</code> on the machine where CProxy runs, and type the code it prints. A code works once and for 5 minutes.</p>
${problem}
<form method="post" action="/ui/login">
<label for="code">Code</label>
<input id="code" name="code" required autofocus autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="16"${options.problem === null ? '' : ' aria-invalid="true" aria-describedby="problem"'}>
<button>Log in</button>
</form>`,
  );
}

/** For an installation without `dist/renderer`. */
export function notBuiltPage(): string {
  return page(
    'CProxy',
    `<h1>CProxy</h1>
<p>The engine runs, but its page has not been built. In a checkout, run <code>npm run build</code> and load this page again.</p>
<p class="quiet">Until then, <code>cproxy status</code> shows the same in a terminal.</p>`,
  );
}

/** Our messages mark commands with backticks. */
function withCode(message: string): string {
  return escapeHtml(message).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
