/** ForgeTarget says which repository on which forge a run works on, and the token to reach it. */
import { Option, Redacted, Schema } from "effect"
import { forgeAddress } from "./ForgeAddress.ts"

const Address = Schema.String.pipe(
  Schema.filter((url) => Option.isSome(forgeAddress(url)), {
    message: () => "must be an http or https URL without user, password, query and fragment",
  }),
)

/** The name of a user, an organisation or a repository: safe as one path segment. */
const Name = Schema.String.pipe(
  Schema.filter((name) => /^[A-Za-z0-9._-]{1,100}$/.test(name) && !/^\.+$/.test(name), {
    message: () => "must be a name on the forge: letters, digits, '-', '_' and '.' only, no slash",
  }),
)

/** A token is sent in a header, where anything but visible ASCII is an injection or a mistake. */
const Token = Schema.Redacted(
  Schema.String.pipe(
    Schema.filter((token) => /^[\x21-\x7e]{1,4096}$/.test(token), {
      message: () => "must be one word of visible ASCII characters",
    }),
  ),
)

const access = {
  /** Base URL of the forge's API; a trailing slash does not matter. */
  apiUrl: Address,
  token: Token,
}
const repository = { owner: Name, repo: Name }

const Gitea = Schema.Literal("gitea")

/** The name of a kind of forge that a library user registers with `Forges.layer`. */
const Custom = Schema.String.pipe(
  Schema.filter((kind) => /^[a-z][a-z0-9-]{0,39}$/.test(kind) && kind !== "gitea", {
    message: () => "must be the kind of a forge: a-z, 0-9 and '-'",
  }),
)

/** A forge and a token, without a repository: enough to clean up what an earlier run left there. */
export const ForgeAccess = Schema.Union(
  Schema.Struct({ kind: Gitea, ...access }),
  Schema.Struct({ kind: Custom, ...access }),
)
/** A forge and a token, without a repository. */
export type ForgeAccess = typeof ForgeAccess.Type

/** A repository on a Gitea. */
export const GiteaTarget = Schema.Struct({ kind: Gitea, ...access, ...repository })

/** A repository on a forge of a kind that the library user registered. */
export const CustomTarget = Schema.Struct({ kind: Custom, ...access, ...repository })

/** A repository on a forge, by the forge's kind. Printing it never shows the token. */
export const ForgeTarget = Schema.Union(GiteaTarget, CustomTarget)
/** A repository on a forge. */
export type ForgeTarget = typeof ForgeTarget.Type

/** Another repository of the same forge. */
export const atRepository = (
  { kind, apiUrl, token }: ForgeAccess,
  { owner, repo }: { readonly owner: string; readonly repo: string },
): ForgeTarget => ({ kind, apiUrl, token: Redacted.make(Redacted.value(token)), owner, repo })

/** The target without its repository. */
export const accessOf = ({ kind, apiUrl, token }: ForgeTarget): ForgeAccess => ({ kind, apiUrl, token })
