/** installHook and checkHook: create the webhook of a repository or an organisation once, renew it with its secret, and test it. */
import { Duration, Effect, Option, Redacted, Schedule } from "effect"
import { createHmac } from "node:crypto"
import type { ForgeAccess } from "../domain/ForgeTarget.ts"
import type { ReportedHealth } from "../domain/orchestrator/ServiceHealth.ts"
import type { ForgeHooks, HookPlace } from "../services/ForgeHooks.ts"
import { Forges } from "../services/Forges.ts"
import { ServiceState } from "../services/ServiceState.ts"

/** A hook to install. */
export interface WantedHook {
  readonly access: ForgeAccess
  readonly place: HookPlace
  /** The address at which the forge reaches the service: `publicUrl`. */
  readonly publicUrl: string
  readonly secret: Redacted.Redacted
  /** A repository of the organisation to test deliveries with: a forge cannot test a hook of an organisation. */
  readonly through?: Required<HookPlace>
}

/** The result of a test delivery. `untested`: such a hook cannot be tested. */
export type TestDelivery = "arrived" | "missigned" | "lost" | "unserved" | "untested"

/** What is wrong with the hooks of a repository or an organisation. */
export type HookProblem = "none" | "other-secret" | "incomplete" | "twice"

/** The result of a check. */
export interface CheckedHook {
  readonly url: string
  readonly problems: ReadonlyArray<HookProblem>
  readonly delivery: TestDelivery
}

/** The result of an installation. */
export interface InstalledHook {
  readonly url: string
  readonly done: "kept" | "made" | "renewed"
  readonly delivery: TestDelivery
}

/** How long a test delivery may take. A busy Gitea sends it seconds later. */
const ARRIVES = Duration.seconds(15)

/**
 * Creates the hook unless it exists. A hook with another secret or without some events is replaced: no forge shows a secret or allows
 * to change it. The new hook is created before the old one is removed, so that no event is lost.
 */
export const installHook = Effect.fn("installHook")(function* (
  wanted: WantedHook,
  { renew = false }: { readonly renew?: boolean } = {},
) {
  const { place } = wanted
  const { hooks, url, own } = yield* lookAt(wanted)
  const kept = renew ? undefined : own.find((hook) => hook.url === url && hook.isWhole)
  const id = kept?.id ?? (yield* hooks.create(place, { url, secret: wanted.secret }))
  const old = own.filter((hook) => hook.id !== id)
  yield* Effect.forEach(old, (hook) => hooks.remove(place, hook.id), { discard: true })
  const delivery = yield* tested(wanted, hooks, id)
  return {
    url,
    done: kept !== undefined ? "kept" : own.length > 0 ? "renewed" : "made",
    delivery,
  } satisfies InstalledHook
})

/**
 * Checks whether the hook exists and delivers. Changes nothing, except for a temporary hook of a repository that tests one of its
 * organisation.
 */
export const checkHook = Effect.fn("checkHook")(function* (wanted: WantedHook) {
  const { hooks, url, own } = yield* lookAt(wanted)
  const hook = own.find((it) => it.url === url) ?? own[0]
  const problems: ReadonlyArray<HookProblem> =
    hook === undefined
      ? ["none"]
      : [
          ...(hook.url === url ? [] : ["other-secret" as const]),
          ...(hook.isWhole ? [] : ["incomplete" as const]),
          ...(own.length > 1 ? ["twice" as const] : []),
        ]
  const delivery = hook === undefined ? "untested" : yield* tested(wanted, hooks, hook.id)
  return { url, problems, delivery } satisfies CheckedHook
})

const lookAt = Effect.fnUntraced(function* ({ access, place, publicUrl, secret }: WantedHook) {
  const hooks = yield* (yield* Forges).hooks(access)
  const base = `${publicUrl.replace(/\/+$/, "")}/webhook`
  const own = (yield* hooks.list(place)).filter(({ url }) => url.split("?")[0] === base)
  return { hooks, own, url: `${base}?key=${markOf(secret)}` }
})

/** Identifies the secret of a hook, which no forge shows. 32 bits do not exclude a match by chance. */
const markOf = (secret: Redacted.Redacted): string =>
  createHmac("sha256", Redacted.value(secret)).update("bot-bottle webhook key").digest("hex").slice(0, 8)

/** Asks the forge for a delivery, and waits until the service, in whichever process, reports it. */
const tested = Effect.fnUntraced(function* (wanted: WantedHook, hooks: ForgeHooks, id: number) {
  const { place, through, publicUrl, secret } = wanted
  const state = yield* ServiceState
  const before = yield* state.health
  if (!Option.exists(before, (health) => health.isServing && health.listening !== null)) return "unserved"
  const seen = Effect.map(state.health, (now) => outcome(before, now))
  const reported = seen.pipe(
    Effect.repeat({ until: (it) => it !== "lost", schedule: Schedule.spaced("300 millis") }),
    Effect.timeoutOption(ARRIVES),
    Effect.zipRight(seen),
  )
  const { owner, repo } = place
  if (repo !== undefined) return yield* Effect.zipRight(hooks.test({ owner, repo }, id), reported)
  if (through === undefined) return "untested"
  const url = `${publicUrl.replace(/\/+$/, "")}/webhook?test`
  // One that a killed test left.
  const left = (yield* hooks.list(through)).filter((hook) => hook.url === url)
  yield* Effect.forEach(left, (hook) => hooks.remove(through, hook.id), { discard: true })
  return yield* Effect.acquireUseRelease(
    hooks.create(through, { url, secret }),
    (temporary) => Effect.zipRight(hooks.test(through, temporary), reported),
    (temporary) =>
      Effect.catchAll(hooks.remove(through, temporary), ({ message }) =>
        Effect.logWarning(`a temporary hook of ${through.owner}/${through.repo} is left: ${message}`),
      ),
  )
})

const outcome = (
  before: Option.Option<ReportedHealth>,
  now: Option.Option<ReportedHealth>,
): "arrived" | "missigned" | "lost" => {
  const changed = (key: "signedAt" | "missignedAt") =>
    Option.getOrUndefined(now)?.[key] !== Option.getOrUndefined(before)?.[key]
  return changed("signedAt") ? "arrived" : changed("missignedAt") ? "missigned" : "lost"
}

/** Whether a forge delivers to an address only if its administrator allows it, as far as the address shows. */
export const isPrivateAddress = (publicUrl: string): boolean => {
  const host = URL.canParse(publicUrl) ? new URL(publicUrl).hostname.replace(/^\[|\]$/g, "") : ""
  if (/^[\d.]+$/.test(host)) return PRIVATE_4.test(host)
  if (host.includes(":")) return PRIVATE_6.test(host)
  return !host.includes(".") || /\.(?:local|localhost|internal|lan|home|intranet|home\.arpa)$/.test(host)
}

const PRIVATE_4 =
  /^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./
const PRIVATE_6 = /^(?:::1?$|::ffff:|f[cd]|fe[89ab])/
