/** The implementation of `orchestrate hook`, over the configuration, its secrets, the forge, and the service's reports. */
import { Effect, Layer, Option, Redacted } from "effect"
import { ConfigurationInvalid, InvalidInput } from "../../domain/Errors.ts"
import type { Configuration } from "../../domain/orchestrator/Configuration.ts"
import type { SecretSource } from "../../domain/SecretSource.ts"
import * as GiteaForges from "../../layers/gitea/GiteaForges.ts"
import { readConfiguration } from "../../layers/manifests/configuration.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as LiveSecrets from "../../layers/secrets/LiveSecrets.ts"
import * as SqliteServiceState from "../../layers/sqlite/SqliteServiceState.ts"
import {
  checkHook,
  installHook,
  isPrivateAddress,
  type TestDelivery,
  type WantedHook,
} from "../../orchestrator/hook.ts"
import { accountOf, tokenKeyOf } from "../../orchestrator/accounts.ts"
import { forgeOf } from "../../orchestrator/served.ts"
import type { HookPlace } from "../../services/ForgeHooks.ts"
import { Secrets } from "../../services/Secrets.ts"

/** The options of the command. */
export interface HookOptions {
  readonly place: string
  readonly config: Option.Option<string>
  readonly tokenFile: Option.Option<string>
}

const live = Layer.mergeAll(
  GiteaForges.layer,
  SqliteServiceState.layer(),
  Layer.provide(LiveSecrets.layer, NodeProcessRunner.layer),
)

/** Creates or renews the hook. */
export const install = Effect.fn("hook.install")(function* (
  options: HookOptions & { readonly renew: boolean },
) {
  const wanted = yield* wantedOf(options)
  return { wanted, installed: yield* installHook(wanted, options) }
}, Effect.provide(live))

/** Checks the hook. */
export const check = Effect.fn("hook.check")(function* (options: HookOptions) {
  const wanted = yield* wantedOf(options)
  return { wanted, checked: yield* checkHook(wanted) }
}, Effect.provide(live))

const wantedOf = Effect.fnUntraced(function* ({ place, config, tokenFile }: HookOptions) {
  const where = yield* placeOf(place)
  const read = yield* readConfiguration(config, process.env)
  if (Option.isNone(read))
    return yield* missing("orchestrator.yaml", "", "no such file: write one, or name another with --config")
  const { file, configuration } = read.value
  const { publicUrl, webhook, forge } = configuration
  if (publicUrl === undefined)
    return yield* missing(file, "publicUrl", "expected the URL by which the forge reaches the service")
  if (webhook === undefined) return yield* missing(file, "webhook.secret", "expected the secret of the hook")
  const secrets = yield* Secrets
  const secretAt = (key: string, source: SecretSource) =>
    Effect.catchTag(secrets.read(source), "SecretUnreadable", ({ message }) => missing(file, key, message))
  const secret = yield* secretAt("webhook.secret", webhook.secret)
  const token = yield* Option.match(tokenFile, {
    onNone: () => {
      const account = accountOf(configuration, { owner: where.owner, repo: where.repo ?? "*" })
      return secretAt(tokenKeyOf(account), forge.accounts[account ?? ""]?.token ?? forge.token)
    },
    onSome: (path) => secretAt("--token-file", { file: path }),
  })
  const through = throughOf(configuration, where)
  return {
    access: { kind: "gitea", apiUrl: forgeOf(configuration), token },
    place: where,
    publicUrl,
    secret: Redacted.make(Redacted.value(secret)),
    ...(through !== undefined && { through }),
  } satisfies WantedHook
})

const missing = (file: string, key: string, expected: string) =>
  new ConfigurationInvalid({ problems: [{ file, key, expected }] })

const NAME = /^[A-Za-z0-9._-]{1,100}$/

const placeOf = (text: string): Effect.Effect<HookPlace, InvalidInput> => {
  const [owner = "", repo, ...more] = text.split("/")
  const names = repo === undefined ? [owner] : [owner, repo]
  if (more.length > 0 || !names.every((name) => NAME.test(name) && !/^\.+$/.test(name)))
    return new InvalidInput({ field: "place", reason: "expected OWNER/REPO, or the name of an organisation" })
  return Effect.succeed(repo === undefined ? { owner } : { owner, repo })
}

/** A repository of an organisation that the configuration lists by its exact name. */
const throughOf = ({ repositories }: Configuration, { owner, repo }: HookPlace) => {
  if (repo !== undefined) return undefined
  const name = Object.keys(repositories).find(
    (key) => !key.includes("*") && key.toLowerCase().startsWith(`${owner.toLowerCase()}/`),
  )
  return name === undefined ? undefined : { owner, repo: name.split("/")[1] ?? "" }
}

/** What to do, in lines. A forge fails silently in some cases, which are explained here. */
export const advice = (
  { publicUrl, place }: Pick<WantedHook, "publicUrl" | "place">,
  delivery: TestDelivery,
): ReadonlyArray<string> => [
  ...(delivery === "arrived" ? ["a test delivery arrived"] : []),
  ...(isPrivateAddress(publicUrl) && delivery !== "arrived" ? [ALLOW(hostOf(publicUrl))] : []),
  ...(delivery === "lost"
    ? [
        `a test delivery did not arrive within 15 seconds: the forge must reach ${publicUrl}/webhook, and ${
          isPrivateAddress(publicUrl) ? "be allowed to, as said above" : ALLOW(hostOf(publicUrl))
        }`,
      ]
    : []),
  ...(delivery === "missigned"
    ? [
        "a test delivery arrived, signed with another secret: a service reads webhook.secret again within 30 seconds; then check again, or install with --renew",
      ]
    : []),
  ...(delivery === "unserved"
    ? [`not tested: no service listens for webhooks; start one, then "bot-bottle orchestrate hook check"`]
    : []),
  ...(delivery === "untested" && place.repo === undefined
    ? [
        `not tested: a forge cannot test the webhook of an organisation; name a repository of ${place.owner} in full under repositories`,
      ]
    : []),
]

const hostOf = (publicUrl: string): string => new URL(publicUrl).hostname.replace(/^\[|\]$/g, "")

const ALLOW = (host: string): string =>
  `Gitea accepts a webhook to a private address but never delivers to it, and reports no error, unless its administrator allows it in app.ini: ALLOWED_HOST_LIST = external,${host} below [webhook], from Gitea 1.27 below [security]`
