/** Resolves hosts to addresses, and decides which of them may be dialled. */
import { Context, Data, Effect } from "effect"
import { lookup } from "node:dns"
import type { Permit } from "../../domain/AllowList.ts"
import { EGRESS_REASONS } from "../../domain/EgressRefusals.ts"
import type { Host } from "../../domain/Hosts.ts"
import { isPublicAddress } from "./addresses.ts"
import { type Refused, failed, rejected } from "./Refused.ts"

/** A name that currently has no address. */
export class NameUnknown extends Data.TaggedError("NameUnknown")<{
  /** node's dns error code, such as ENOTFOUND. */
  readonly code: string
}> {}

/** Resolves a name to its addresses, best first. */
export type Resolve = (name: string) => Effect.Effect<ReadonlyArray<string>, NameUnknown>

/** As every program on the host resolves, including /etc/hosts and search domains. */
const resolveAsHost: Resolve = (name) =>
  Effect.async((resume) => {
    lookup(name, { all: true }, (error, addresses) =>
      resume(
        error === null
          ? Effect.succeed(addresses.map(({ address }) => address))
          : new NameUnknown({ code: error.code ?? "unknown error" }),
      ),
    )
  })

/** Resolver resolves names for egress; by default as the host does. */
export class Resolver extends Context.Reference<Resolver>()("bot-bottle/EgressResolver", {
  defaultValue: (): Resolve => resolveAsHost,
}) {}

const RESOLVE_MS = 10_000

/**
 * The addresses to dial, resolved once: dialling any other would bypass the check. For a host that may not be private, only the public
 * ones.
 */
export const addressesOf = (
  resolve: Resolve,
  host: Host,
  permit: Permit,
): Effect.Effect<readonly [string, ...ReadonlyArray<string>], Refused> =>
  (host.kind === "address" ? Effect.succeed([host.text]) : resolve(host.text)).pipe(
    Effect.timeoutFail({
      duration: RESOLVE_MS,
      onTimeout: () => failed(504, "its name was not resolved in time"),
    }),
    Effect.catchTag("NameUnknown", ({ code }) => failed(502, `its name has no address (${code})`)),
    Effect.flatMap((addresses) => {
      const [first, ...others] = permit.private ? addresses : addresses.filter(isPublicAddress)
      return first === undefined
        ? rejected(EGRESS_REASONS.notPublic)
        : Effect.succeed([first, ...others] as const)
    }),
  )
