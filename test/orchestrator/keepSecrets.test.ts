/** Secrets of a service are read again while it works: a new one is used, and a failed read keeps the former. */
import { expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted, TestClock } from "effect"
import { SecretUnreadable } from "../../src/domain/Errors.ts"
import { decodeConfiguration } from "../../src/domain/orchestrator/ConfigurationFile.ts"
import { accountOf, tokenKeyOf } from "../../src/orchestrator/accounts.ts"
import { keepSecrets } from "../../src/orchestrator/keepSecrets.ts"
import type { SecretSource } from "../../src/domain/SecretSource.ts"
import { Secrets } from "../../src/services/Secrets.ts"

const passes = Effect.zipRight(Effect.yieldNow(), TestClock.adjust("31 seconds"))

const configuration = decodeConfiguration("o.yaml", {
  forge: { api: "https://git.example/api/v1", token: { env: "TOKEN" } },
  repositories: { "acme/*": {} },
  webhook: { secret: { env: "HOOK" } },
})

/** Secrets of variables that a test sets. */
const over = (variables: Map<string, string>) => {
  const read = (source: SecretSource) => {
    const value = "env" in source ? variables.get(source.env) : undefined
    return value === undefined
      ? new SecretUnreadable({ reason: "is not there" })
      : Effect.succeed(Redacted.make(value))
  }
  const readDated = (source: SecretSource) => Effect.map(read(source), (secret) => ({ secret }))
  return Layer.succeed(Secrets, { read, readDated, renew: readDated })
}

it.scoped(
  "a new token is used without a restart; one that cannot be read leaves the former, and is told",
  () =>
    Effect.gen(function* () {
      const variables = new Map([
        ["TOKEN", "old"],
        ["HOOK", "hook"],
      ])
      const kept = yield* Effect.provide(keepSecrets("o.yaml", yield* configuration), over(variables))
      const now = () => [Redacted.value(kept.token), Redacted.value(kept.webhook ?? kept.token), kept.problem]
      expect(now()).toEqual(["old", "hook", undefined])
      variables.set("TOKEN", "new")
      yield* passes
      expect(now()).toEqual(["new", "hook", undefined])
      variables.delete("HOOK")
      variables.set("TOKEN", "two words")
      yield* passes
      expect(now()).toEqual(["new", "hook", expect.stringMatching(/^forge\.token: is not a token/)])
      variables.set("HOOK", "other").set("TOKEN", "last")
      yield* passes
      expect(now()).toEqual(["last", "other", undefined])
    }),
)

it.scoped("all that cannot be read at start is one error, by their keys", () =>
  Effect.gen(function* () {
    const failed = keepSecrets("o.yaml", yield* configuration)
    const error = yield* Effect.flip(Effect.provide(failed, over(new Map([["TOKEN", ""]]))))
    expect(error.message.split("\n")).toEqual([
      expect.stringMatching(/^o\.yaml: forge\.token: is not a token/),
      "o.yaml: webhook.secret: is not there",
    ])
  }),
)

it.scoped("the token of each account is read too, and a repository is reached with that of its account", () =>
  Effect.gen(function* () {
    const both = yield* decodeConfiguration("o.yaml", {
      forge: {
        api: "https://git.example/api/v1",
        token: { env: "TOKEN" },
        accounts: { "Press/*": { token: { env: "PRESS" } }, "press/ink": { token: { env: "INK" } } },
      },
      repositories: { "*/*": {} },
    })
    const variables = new Map([
      ["TOKEN", "usual"],
      ["PRESS", "press"],
    ])
    const missing = yield* Effect.flip(Effect.provide(keepSecrets("o.yaml", both), over(variables)))
    expect(missing.message).toBe("o.yaml: forge.accounts.press/ink.token: is not there")
    variables.set("INK", "ink")
    const kept = yield* Effect.provide(keepSecrets("o.yaml", both), over(variables))
    const tokenFor = (owner: string, repo: string) => {
      const secret = kept.at(tokenKeyOf(accountOf(both, { owner, repo })))
      return secret === undefined ? "" : Redacted.value(secret)
    }
    expect(tokenFor("acme", "ink")).toBe("usual")
    expect(tokenFor("press", "paper")).toBe("press")
    expect(tokenFor("PRESS", "Ink")).toBe("ink")
    // As `hook install` asks for an organisation.
    expect(tokenFor("press", "*")).toBe("press")
  }),
)
