/** Pages without scripts: sign-in, and what is behind it. */

/** Text that cannot be markup. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"'`]/g, (char) => `&#${char.codePointAt(0)};`)

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/sign-in.css">
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`

/** The form for a token, with what went wrong before. */
export const signInPage = (problem = ""): string =>
  page(
    "Sign in · bot-bottle",
    `<h1>bot-bottle</h1>
${problem === "" ? "" : `<p role="alert">${escapeHtml(problem)}</p>\n`}<form method="post" action="/sign-in">
<label for="token">Your operator's token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Sign in</button>
</form>
<p>On the machine of the service, <code>bot-bottle orchestrate open</code> prints a link that signs you in.</p>`,
  )

/** The form of a one-time link. Only its button uses the link: a preview or a scanner of links does not. */
export const linkPage = (code: string): string =>
  page(
    "Sign in · bot-bottle",
    `<h1>bot-bottle</h1>
<form method="post" action="/sign-in">
<input type="hidden" name="code" value="${escapeHtml(code)}">
<button type="submit" autofocus>Sign in</button>
</form>`,
  )

/** For somebody who is not signed in. */
export const strangerPage = (): string =>
  page("Sign in · bot-bottle", `<h1>bot-bottle</h1>\n<p><a href="/sign-in">Sign in</a> to see this.</p>`)

/** For an operator of a service without the dashboard. */
export const homePage = (operator: string): string =>
  page(
    "bot-bottle",
    `<h1>bot-bottle</h1>
<p>Signed in as ${escapeHtml(operator)}.</p>
<ul>
<li><a href="/status">Status of the service</a></li>
<li><a href="/issues">Issues</a></li>
<li><a href="/bottles">Bottles</a></li>
<li><a href="/openapi.json">The HTTP interface, as an OpenAPI document</a></li>
</ul>
<form method="post" action="/sign-out"><button type="submit">Sign out</button></form>`,
  )

/** The style of these pages. */
export const PAGE_STYLE = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
html { background: light-dark(#ffffff, #14171a); color: light-dark(#1b1f23, #e4e7ea); }
a { color: light-dark(#0757ba, #6cb0ff); }
body { margin: 0; display: grid; place-items: center; min-height: 100vh; }
main { width: min(22rem, 100vw - 2rem); }
form { display: grid; gap: .75rem; }
input, button { font: inherit; padding: .6rem; border-radius: .4rem; border: 1px solid GrayText; min-height: 2.75rem; }
button { cursor: pointer; }
[role="alert"] { border-left: .25rem solid; padding-left: .75rem; }
`
