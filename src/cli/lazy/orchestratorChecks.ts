/** The checks of `doctor` for a configured orchestrator: the file, its secrets, the forge, and the manifests that repositories name. */
import { Effect, Either, Layer, Option, type Redacted } from "effect"
import type { Configuration } from "../../domain/orchestrator/Configuration.ts"
import { unkept } from "../../domain/orchestrator/unkept.ts"
import * as GiteaForges from "../../layers/gitea/GiteaForges.ts"
import { readConfiguration } from "../../layers/manifests/configuration.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as LiveSecrets from "../../layers/secrets/LiveSecrets.ts"
import { secretsOf } from "../../orchestrator/keepSecrets.ts"
import { accountOf, accountsOf, tokenKeyOf } from "../../orchestrator/accounts.ts"
import { forgeOf } from "../../orchestrator/served.ts"
import { type DoctorCheck, forgeChecks } from "../../programs/doctor.ts"
import { Forges } from "../../services/Forges.ts"
import { Manifests } from "../../services/Manifests.ts"

/** No checks if no orchestrator is configured. */
export const orchestratorChecks: Effect.Effect<ReadonlyArray<DoctorCheck>, never, Manifests> = Effect.gen(
  function* () {
    const read = yield* Effect.either(readConfiguration(Option.none(), process.env))
    if (Either.isLeft(read)) return [check("configuration", Effect.fail(read.left))]
    if (Option.isNone(read.right)) return []
    const { file, configuration } = read.right.value
    const refusal = unkept(configuration).map(
      (key) => `${file}: ${key}: this version does not support it: remove it`,
    )
    return [
      check(
        "configuration",
        refusal.length === 0 ? Effect.succeed(file) : Effect.fail({ message: refusal.join("; ") }),
      ),
      ...(yield* secretChecks(configuration)),
      ...(yield* manifestChecks(configuration)),
    ]
  },
).pipe(Effect.provide(LiveSecrets.layer.pipe(Layer.provide(NodeProcessRunner.layer))))

const check = (
  subject: string,
  ask: Effect.Effect<string, { readonly message: string }>,
  todo = "",
): DoctorCheck => ({ subject: `orchestrator ${subject}`, needed: true, todo, ask })

/** Each secret and, with the token, the forge. */
const secretChecks = Effect.fnUntraced(function* (configuration: Configuration) {
  const reads = yield* secretsOf(configuration)
  const found = yield* Effect.forEach(reads, ([key, secret]) =>
    Effect.map(Effect.either(secret), (value) => ({ key, value })),
  )
  const checks = found.map(({ key, value }) => check(key, Effect.as(value, "can be read")))
  const without: ReadonlyArray<DoctorCheck> =
    configuration.webhook === undefined
      ? [
          {
            subject: "orchestrator webhook.secret",
            needed: false,
            todo: "configure it, and a webhook on the forge, to react at once",
            ask: Effect.fail({ message: "not configured: only sweeps detect changes" }),
          },
        ]
      : []
  const tokenAt = (key: string) =>
    Option.flatMap(Option.fromNullable(found.find((it) => it.key === key)), ({ value }) =>
      Either.getRight(value),
    )
  return [...checks, ...without, ...(yield* repositoryChecks(configuration, tokenAt))]
})

/** What a run needs from each repository with an exact name; for patterns, only what applies to all. */
const repositoryChecks = Effect.fnUntraced(
  function* (configuration: Configuration, tokenAt: (key: string) => Option.Option<Redacted.Redacted>) {
    const { org, trustOrg } = configuration.forge
    const forges = yield* Forges
    const named = Object.keys(configuration.repositories).filter((name) => !name.includes("*"))
    const placeOf = (name: string) => {
      const [owner = "", repo = ""] = name.split("/")
      return { owner, repo }
    }
    /** No checks without the token, which has a line of its own. */
    const checksOf = (account: string | undefined, name: string, wanted: (it: DoctorCheck) => boolean) =>
      Option.match(tokenAt(tokenKeyOf(account)), {
        onNone: () => Effect.succeed<ReadonlyArray<DoctorCheck>>([]),
        onSome: (token) =>
          forges
            .of(
              { kind: "gitea", apiUrl: forgeOf(configuration), token, ...placeOf(name) },
              { org, ...(trustOrg !== undefined && { trustOrg }) },
            )
            .pipe(Effect.map((forge) => forgeChecks(forge, org).filter(wanted))),
      })
    const general = yield* Effect.forEach(accountsOf(configuration), (account) => {
      const own = named.find((name) => accountOf(configuration, placeOf(name)) === account)
      const suffix = account === undefined ? "" : ` ${tokenKeyOf(account)}`
      return Effect.map(
        checksOf(account, own ?? "any/any", ({ subject }) => GENERAL.has(subject)),
        (checks) => checks.map((it) => withSubject(it, `${it.subject}${suffix}`)),
      )
    })
    const each = yield* Effect.forEach(named, (name) =>
      Effect.map(
        checksOf(
          accountOf(configuration, placeOf(name)),
          name,
          ({ subject, needed }) => needed && !GENERAL.has(subject),
        ),
        (checks) => checks.map((it) => withSubject(it, `${it.subject} ${name}`)),
      ),
    )
    return [...general.flat(), ...each.flat()].map(ofOrchestrator)
  },
  Effect.provide(GiteaForges.layer),
  Effect.catchAll((error) => Effect.succeed([check("forge", Effect.fail(error))])),
)

const withSubject = (it: DoctorCheck, subject: string): DoctorCheck => ({ ...it, subject })

const ofOrchestrator = (it: DoctorCheck): DoctorCheck => ({
  ...withSubject(it, `orchestrator ${it.subject}`),
  ...(it.after !== undefined && { after: `orchestrator ${it.after}` }),
})

const GENERAL: ReadonlySet<string> = new Set(["forge", "forge org"])

/** Whether the agents and bottles that repositories name exist. */
const manifestChecks = Effect.fnUntraced(function* ({ repositories }: Configuration) {
  const manifests = yield* Manifests
  const scope = { homeOnly: true } as const
  const all = Object.values(repositories)
  const agents = new Set(all.flatMap((settings) => settings?.agents ?? []))
  const bottles = new Set(all.flatMap((settings) => settings?.bottles ?? []))
  return [
    ...[...agents].map((name) =>
      check(`agent ${name}`, Effect.as(manifests.agent(name, scope), "its manifest can be read")),
    ),
    ...[...bottles].map((name) =>
      check(`bottle ${name}`, Effect.as(manifests.bottle([name], scope), "its manifest can be read")),
    ),
  ]
})
