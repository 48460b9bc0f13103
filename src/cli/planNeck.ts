/** What the neck of a bottle opens, as lines of a plan. Manifest keys that this file does not know are shown too. */
import type { NeckOpenings } from "../domain/Bottle.ts"
import { isSshUrl } from "../domain/DeployKey.ts"
import type { SecretSource } from "../domain/SecretSource.ts"

type Line = readonly [name: string, value: string]

/** A line for each host, route and repository. */
export const neckLines = ({ egress, routes, git, approvals }: NeckOpenings): ReadonlyArray<Line> => [
  ...egress.map((entry): Line => ["egress", egressText(entry)]),
  ...Object.entries(routes).map(([name, route]): Line => ["route", `${name}: ${routeText(route)}`]),
  ...Object.entries(git).map(([name, upstream]): Line => ["git", `${name}: ${gitText(upstream)}`]),
  ["approvals", approvals.length === 0 ? "none: the agent may ask for nothing" : approvals.join(", ")],
]

const egressText = (entry: NeckOpenings["egress"][number]): string => {
  if (typeof entry === "string") return entry
  const { host, port, private: isPrivate, tls, ...rest } = entry
  return [
    port === undefined ? host : `${host}:${port}`,
    ...(isPrivate === true ? ["private addresses too"] : []),
    ...(tls === false ? ["TLS not required"] : []),
    ...restOf(rest),
  ].join(", ")
}

const routeText = (route: NeckOpenings["routes"][string]): string => {
  const { upstream, header, scheme, secret, secretHeaders = {}, allow, private: isPrivate, ...rest } = route
  return [
    `${upstream} with ${header}${scheme === undefined ? "" : ` (${scheme})`} from ${sourceOf(secret)}`,
    ...Object.entries(secretHeaders).map(([name, source]) => `${name} from ${sourceOf(source)}`),
    `allows ${allow === undefined ? "every method and path" : allow.join(", ") || "nothing"}`,
    ...(isPrivate === true ? ["private addresses too"] : []),
    ...restOf(rest),
  ].join("; ")
}

/** A command as a whole: it will run on this machine. */
const sourceOf = (source: SecretSource): string => {
  const field = "field" in source && source.field !== undefined ? ` (${source.field})` : ""
  const place =
    "env" in source
      ? `variable ${source.env}`
      : "file" in source
        ? `file ${source.file}`
        : `command ${JSON.stringify(source.command)} on this machine, every ${source.ttl}`
  return `${place}${field}`
}

const gitText = (upstream: NeckOpenings["git"][string]): string => {
  const {
    url,
    key,
    own,
    push,
    protectedPaths,
    knownHost: _,
    private: isPrivate,
    pushAfter,
    ...rest
  } = upstream
  return [
    `${url}${own === true ? ", the run's own repository," : ""} with ${keySource(url, key)}`,
    `may push ${push?.join(", ") || "nothing"}${pushAfter === undefined ? "" : " after its plan is approved"}`,
    `not change ${protectedPaths?.join(", ") || "nothing"}`,
    ...(isPrivate === true ? ["private addresses too"] : []),
    ...restOf(rest),
  ].join("; ")
}

const keySource = (url: string, key: NeckOpenings["git"][string]["key"]): string => {
  if ("identityFile" in key) return `the key of ${key.identityFile}`
  return isSshUrl(url) ? "a deploy key of the run" : `the token of the run's forge (${key.provider})`
}

/** Names with their values, separated by commas; bytes as MiB. */
export const partsText = (parts: Readonly<Record<string, unknown>>): string => restOf(parts).join(", ")

const restOf = (parts: Readonly<Record<string, unknown>>): ReadonlyArray<string> =>
  Object.entries(parts).flatMap(([name, value]) =>
    value === undefined
      ? []
      : name.endsWith("Bytes")
        ? [
            `${name.slice(0, -"Bytes".length)} ${typeof value === "number" ? mebibytes(value) : String(value)}`,
          ]
        : [`${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`],
  )

const mebibytes = (bytes: number): string =>
  bytes < 1024 ** 2 ? `${bytes} bytes` : `${Math.round(bytes / 1024 ** 2)} MiB`
