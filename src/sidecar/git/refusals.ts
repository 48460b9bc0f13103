/** Classifies git's messages about an upstream, and rewords them for an agent: git's own contain addresses, and differ between versions. */
import { GitFailure, type GitFailureKind } from "./GitFailure.ts"

type Known = readonly [pattern: RegExp, kind: GitFailureKind, reason: string]

const KNOWN: ReadonlyArray<Known> = [
  [
    /Authentication failed|could not read (?:Username|Password)|terminal prompts disabled/,
    "Unauthorized",
    "the upstream refused this bottle's credential (HTTP 401)",
  ],
  [/Permission denied \(|Permission denied, /, "KeyRefused", "the upstream refused this bottle's key"],
  [/Host key verification failed/, "HostKey", "the upstream's host key is not the expected one"],
  [
    /repository '' not found|does not appear to be a git repository/,
    "NotFound",
    "the upstream has no such repository",
  ],
  [
    /unable to update url base from redirection|redirect/i,
    "Redirected",
    "the upstream redirects elsewhere, and redirects are not followed",
  ],
  [
    /Could not resolve|Failed to connect|Connection (?:refused|reset|timed out)|Empty reply|timed out|Operation too slow/i,
    "Unreachable",
    "the upstream could not be reached",
  ],
  [/transport '' not allowed/, "ProtocolRefused", "the upstream's protocol is not allowed"],
  [/No space left|unable to write/, "NoRoom", "no space left on the host"],
]

/** Statuses with a more specific meaning. */
const STATUSES: Readonly<Record<string, readonly [GitFailureKind, string]>> = {
  "401": ["Unauthorized", "the upstream refused this bottle's credential (HTTP 401)"],
  "403": ["Forbidden", "the upstream refused this: no permission, or the repository is archived (HTTP 403)"],
  "404": ["NotFound", "the upstream has no such repository, or does not show it to this bottle (HTTP 404)"],
}

/** Why a connection of git to an upstream failed, from git's own messages. */
export const failureOf = (stderr: string): GitFailure => {
  const own = ownWords(stderr)
  const remote = remoteLines(stderr)
  const [, status] = /returned error: (\d{3})/.exec(own) ?? []
  if (status !== undefined) {
    const [kind, reason] = STATUSES[status] ?? [
      status.startsWith("4") ? "Refused" : "ServerError",
      `the upstream answered HTTP ${status}`,
    ]
    return new GitFailure({ kind, reason, remote })
  }
  const [, kind, reason] = KNOWN.find(([pattern]) => pattern.test(own)) ?? []
  return new GitFailure({
    kind: kind ?? "Unknown",
    reason: reason ?? "the upstream could not be asked",
    remote,
  })
}

/**
 * Removes text that others chose: lines of the upstream, where a hook may repeat the agent's words, and quoted text, which contains
 * addresses and ref names.
 */
const ownWords = (stderr: string): string =>
  stderr
    .split(/[\r\n]+/)
    .filter((line) => !line.startsWith("remote:"))
    .map((line) => line.replace(/'[^']*'/g, "''"))
    .join("\n")

/** The upstream's result for one ref of a push, from `git push --porcelain`. */
export type RefAnswer =
  | { readonly kind: "Taken" }
  /** No result: it may have been accepted. */
  | { readonly kind: "NoReport" }
  /** The ref is not where the agent saw it. */
  | { readonly kind: "Stale" }
  | { readonly kind: "Refused"; readonly problem: string }

/** The results by ref: lines `<flag>\t<from>:<to>\t<summary> (<reason>)`, where the flag `!` is a refusal and the summary says by whom. */
export const answersOf = (porcelain: string): ReadonlyMap<string, RefAnswer> =>
  new Map(
    porcelain.split("\n").flatMap((line): ReadonlyArray<readonly [string, RefAnswer]> => {
      const [, flag, ref, summary = ""] = /^([ +*=!-])\t[^:\t]*:([^\t]+)\t(.*)$/.exec(line) ?? []
      return flag === undefined || ref === undefined
        ? []
        : [[ref, flag === "!" ? refusedRef(summary) : { kind: "Taken" }]]
    }),
  )

const refusedRef = (summary: string): RefAnswer => {
  if (summary.startsWith("[remote failure]")) return { kind: "NoReport" }
  if (summary === "[rejected] (stale info)") return { kind: "Stale" }
  const [, reason] = /\(([^)]*)\)$/.exec(summary) ?? []
  return { kind: "Refused", problem: reason ?? summary }
}

const LINES_MAX = 50

/** Lines of the upstream itself, without its progress. */
export const remoteLines = (stderr: string): ReadonlyArray<string> =>
  stderr
    .split(/[\r\n]+/)
    .flatMap((line) => (line.startsWith("remote: ") ? [line.slice("remote: ".length).trimEnd()] : []))
    .filter(
      (line) => line !== "" && !/\d+% \(|^Total \d|^(?:Enumerating|Counting|Compressing) objects/.test(line),
    )
    .slice(0, LINES_MAX)
