/** The sign-in link of `orchestrate open`: whoever may change the home's database may sign in as any operator. */
import { Effect, Layer, Option } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import type { Configuration } from "../../domain/orchestrator/Configuration.ts"
import { readConfiguration } from "../../layers/manifests/configuration.ts"
import * as SqliteServiceState from "../../layers/sqlite/SqliteServiceState.ts"
import * as SqliteSignIns from "../../layers/sqlite/SqliteSignIns.ts"
import { CODE_MS, newCode } from "../../orchestrator/http/door/sessions.ts"
import { ServiceState } from "../../services/ServiceState.ts"

/** Options of the command. */
export interface SignInLinkOptions {
  readonly operator: Option.Option<string>
  readonly config: Option.Option<string>
}

/** Makes a link. Fails when there is no such operator. */
export const signInLink = Effect.fn("signInLink")(
  function* ({ operator, config }: SignInLinkOptions) {
    const read = yield* readConfiguration(config, process.env)
    const configuration = Option.map(read, (found) => found.configuration)
    const names: ReadonlyArray<string> = Option.match(configuration, {
      onNone: () => [],
      onSome: ({ operators }) => Object.keys(operators),
    })
    const name = Option.getOrElse(operator, () => (names.length === 1 ? (names[0] ?? "") : ""))
    if (Option.isNone(configuration) || !names.includes(name))
      return yield* new InvalidInput({ field: "operator", reason: whoMay(names) })
    const code = yield* newCode(name)
    const health = yield* (yield* ServiceState).health
    return {
      url: `${addressOf(configuration.value)}/sign-in?code=${code}`,
      operator: name,
      minutes: CODE_MS / 60_000,
      serving: Option.exists(health, ({ isServing }) => isServing),
    }
  },
  Effect.provide(Layer.merge(SqliteSignIns.layer(), SqliteServiceState.layer())),
)

const whoMay = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? "orchestrator.yaml has no operators: add one (docs/orchestrator.md#http-interface shows how)"
    : `give --operator with one of: ${names.join(", ")}`

/** Where a browser reaches the service. One that listens everywhere is reached at loopback too. */
const addressOf = ({ publicUrl, listen }: Configuration): string =>
  publicUrl?.replace(/\/+$/, "") ??
  `http://${listen.replace(/^0\.0\.0\.0(?=:)/, "127.0.0.1").replace(/^\[::\](?=:)/, "[::1]")}`
