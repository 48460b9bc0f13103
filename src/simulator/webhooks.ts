/** Webhook deliveries of a simulated Gitea: signed, sent once, never retried. A test can lose, hold, delay and repeat them. */
import { Effect, Queue, type Scope } from "effect"
import { createHmac, randomUUID } from "node:crypto"
import { request } from "node:http"
import type { Happening } from "./happenings.ts"
import { type HookEvent, hookEventOf } from "./payloads.ts"
import type { Shapes } from "./shapes.ts"
import { fold, type GiteaState, type SimHook } from "./state.ts"

/** One delivery to one hook. */
export interface Delivery {
  /** Header `X-Gitea-Delivery`. */
  readonly id: string
  /** Header `X-Gitea-Event`. */
  readonly event: string
  /** Header `X-Gitea-Event-Type`. */
  readonly eventType: string
  readonly hook: SimHook
  /** Whether the hook is an organisation's. */
  readonly target: "repository" | "organization"
  /** The signed JSON. */
  readonly payload: string
  /** The status of each attempt, in order; 0 without a response within 5 s. Empty: never sent. */
  readonly answers: ReadonlyArray<number>
}

/** How to treat a delivery; by default it is sent once, in order. */
export interface Fate {
  /** It is never sent. */
  readonly lost?: boolean
  /** It is held until `release`. */
  readonly held?: boolean
  /** It is sent with this delay, and later ones overtake it. */
  readonly delayMillis?: number
  /** How often it is sent, with the same ID. */
  readonly times?: number
}

/** The deliveries of a simulator. */
export interface Webhooks {
  /** All deliveries in the order of their events, including lost ones. */
  readonly deliveries: ReadonlyArray<Delivery>
  /** Sets how deliveries are treated from now on; without an argument all are sent again. */
  readonly treat: (fate?: (delivery: Delivery) => Fate) => void
  /** Held deliveries, in the order of their events. */
  readonly held: ReadonlyArray<Delivery>
  /**
   * Sends held deliveries one after another, and returns when all have a response. `order` may reorder them, drop some for good, or
   * repeat some.
   */
  readonly release: (
    order?: (held: ReadonlyArray<Delivery>) => ReadonlyArray<Delivery>,
  ) => Effect.Effect<void>
  /** Sends an old payload with a new ID, as a person can do on Gitea's pages. Returns the status; 0 without a response. */
  readonly redeliver: (delivery: Delivery) => Effect.Effect<number>
  /** Returns when no delivery is in progress; held ones do not count. */
  readonly idle: Effect.Effect<void>
}

interface Sent extends Delivery {
  readonly answers: Array<number>
}

/** Delivers the events of a state until the scope ends. */
export const make = (state: GiteaState, shapes: Shapes): Effect.Effect<Webhooks, never, Scope.Scope> =>
  Effect.gen(function* () {
    const deliveries: Array<Sent> = []
    const held: Array<Sent> = []
    const queue = yield* Queue.unbounded<{ readonly delivery: Sent; readonly fate: Fate }>()
    const isIdle = Effect.unsafeMakeLatch(true)
    let underWay = 0
    let decide: (delivery: Delivery) => Fate = () => ({})

    const watch = (happening: Happening): void => {
      const told = hookEventOf(shapes, happening)
      for (const { hook, target } of hooksFor(state, told)) {
        const payload = goJson(told.body)
        const { event, eventType } = told
        const delivery: Sent = { id: randomUUID(), event, eventType, hook, target, payload, answers: [] }
        deliveries.push(delivery)
        const fate = decide(delivery)
        if (fate.lost === true) continue
        if (fate.held === true) held.push(delivery)
        else {
          underWay += 1
          isIdle.unsafeClose()
          Queue.unsafeOffer(queue, { delivery, fate })
        }
      }
    }
    state.watchers.add(watch)
    yield* Effect.addFinalizer(() => Effect.sync(() => state.watchers.delete(watch)))

    const attempt = (delivery: Sent) =>
      Effect.map(send(delivery), (status) => {
        delivery.answers.push(status)
        return status
      })
    const run = ({ delivery, fate }: { readonly delivery: Sent; readonly fate: Fate }) =>
      Effect.zipRight(
        Effect.repeatN(attempt(delivery), (fate.times ?? 1) - 1),
        Effect.sync(() => {
          underWay -= 1
          if (underWay === 0) isIdle.unsafeOpen()
        }),
      )
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.flatMap(Queue.take(queue), (next) =>
          next.fate.delayMillis === undefined
            ? run(next)
            : Effect.forkScoped(Effect.delay(run(next), next.fate.delayMillis)),
        ),
      ),
    )
    return {
      deliveries,
      held,
      treat: (fate) => {
        decide = fate ?? (() => ({}))
      },
      release: (order = (all) => all) =>
        Effect.suspend(() => {
          const waiting = held.splice(0)
          const known = (one: Delivery) => waiting.filter((delivery) => delivery === one)
          return Effect.forEach([...order(waiting)].flatMap(known), attempt, { discard: true })
        }),
      redeliver: (old) =>
        Effect.suspend(() => {
          const again: Sent = { ...old, id: randomUUID(), answers: [] }
          deliveries.push(again)
          return attempt(again)
        }),
      idle: isIdle.await,
    }
  })

/** The hooks of the repository and of its organisation that receive an event. */
const hooksFor = (
  state: GiteaState,
  { repo, subscription, only }: HookEvent,
): ReadonlyArray<{ readonly hook: SimHook; readonly target: Delivery["target"] }> => {
  const org = state.orgs.find(({ name }) => fold(name) === fold(repo.owner))
  return [
    ...repo.hooks.map((hook) => ({ hook, target: "repository" as const })),
    ...(org?.hooks ?? []).map((hook) => ({ hook, target: "organization" as const })),
  ].filter(({ hook }) =>
    only === undefined
      ? hook.active && hook.events.includes(subscription)
      : only === hook && hook.events.includes(subscription),
  )
}

/** JSON as Go's encoder writes it for people: indented, and escaped for HTML. */
const goJson = (body: unknown): string =>
  JSON.stringify(body, null, 2).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )

/** The headers of a delivery. Without a secret the signature headers are present and empty. */
export const headersOf = ({
  id,
  event,
  eventType,
  hook,
  target,
  payload,
}: Delivery): Record<string, string> => {
  const sign = (algorithm: string) =>
    hook.secret === "" ? "" : createHmac(algorithm, hook.secret).update(payload).digest("hex")
  const names = (prefix: string) => ({
    [`x-${prefix}-delivery`]: id,
    [`x-${prefix}-event`]: event,
    [`x-${prefix}-event-type`]: eventType,
  })
  const isForm = hook.contentType === "form"
  return {
    "user-agent": "Go-http-client/1.1",
    "content-type": isForm ? "application/x-www-form-urlencoded" : "application/json",
    ...names("github"),
    ...names("gitea"),
    ...names("gogs"),
    "x-github-hook-installation-target-type": target,
    "x-gitea-hook-installation-target-type": target,
    "x-gitea-signature": sign("sha256"),
    "x-gogs-signature": sign("sha256"),
    "x-hub-signature": `sha1=${sign("sha1")}`,
    "x-hub-signature-256": `sha256=${sign("sha256")}`,
    ...(hook.authorization !== "" && { authorization: hook.authorization }),
  }
}

/** How long Gitea waits for a response. */
const TIMEOUT = 5000

/** The status of the response; 0 without one. */
const send = (delivery: Delivery): Effect.Effect<number> =>
  Effect.async<number>((resume) => {
    const { hook, payload } = delivery
    const body = hook.contentType === "form" ? new URLSearchParams({ payload }).toString() : payload
    const call = request(
      hook.url,
      {
        method: "POST",
        headers: { ...headersOf(delivery), "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(TIMEOUT),
      },
      (response) => {
        response.resume()
        response.on("error", () => undefined)
        resume(Effect.succeed(response.statusCode ?? 0))
      },
    )
    call.on("error", () => resume(Effect.succeed(0)))
    call.end(body)
    return Effect.sync(() => call.destroy())
  }).pipe(Effect.catchAllDefect(() => Effect.succeed(0)))
