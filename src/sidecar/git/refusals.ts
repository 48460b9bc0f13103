/** What an upstream's refusal is called to an agent: git's own texts name addresses, and differ from version to version. */

const KNOWN: ReadonlyArray<readonly [RegExp, string]> = [
  [/returned error: (\d{3})/, "the upstream answered HTTP $1"],
  [
    /Authentication failed|could not read (?:Username|Password)|terminal prompts disabled/,
    "the upstream refused this bottle's credential (HTTP 401)",
  ],
  [/Permission denied \(|Permission denied, /, "the upstream refused this bottle's key"],
  [/Host key verification failed/, "the upstream's host key is not the one that is expected"],
  [/repository '.*' not found|does not appear to be a git repository/, "the upstream has no such repository"],
  [
    /unable to update url base from redirection|redirect/i,
    "the upstream redirects elsewhere, which is not followed",
  ],
  [
    /Could not resolve|Failed to connect|Connection (?:refused|reset|timed out)|Empty reply|timed out|Operation too slow/i,
    "the upstream could not be reached",
  ],
  [/transport '.*' not allowed/, "the upstream's protocol is not allowed"],
  [/No space left|unable to write/, "there is no room left on the host"],
]

/** Statuses that say more than their number. */
const STATUSES: Readonly<Record<string, string>> = {
  "401": "the upstream refused this bottle's credential (HTTP 401)",
  "403": "the upstream refused this: no permission, or the repository is archived (HTTP 403)",
  "404": "the upstream has no such repository, or does not show it to this bottle (HTTP 404)",
}

/** Why git's talk with an upstream failed, by what it wrote. */
export const refusalOf = (stderr: string): string => {
  for (const [pattern, text] of KNOWN) {
    const found = pattern.exec(stderr)
    if (found !== null) return STATUSES[found[1] ?? ""] ?? text.replace("$1", found[1] ?? "")
  }
  return "the upstream could not be asked"
}

/** Whether such a text is the upstream's own no: then it has taken nothing. */
export const isRefusal = (reason: string): boolean =>
  /HTTP 4\d\d|refused this bottle's|host key is not|redirects elsewhere|protocol is not allowed|no such repository/.test(
    reason,
  )

const LINES_MAX = 50

/** Lines that the upstream itself said, without its progress. */
export const remoteLines = (stderr: string): ReadonlyArray<string> =>
  stderr
    .split(/[\r\n]+/)
    .flatMap((line) => (line.startsWith("remote: ") ? [line.slice("remote: ".length).trimEnd()] : []))
    .filter(
      (line) => line !== "" && !/\d+% \(|^Total \d|^(?:Enumerating|Counting|Compressing) objects/.test(line),
    )
    .slice(0, LINES_MAX)
