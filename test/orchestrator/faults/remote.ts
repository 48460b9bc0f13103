/** Backend and sidecars that another process has: the calls of a service that may be killed, over the channel between parent and child. */
import { Context, Effect, Layer, Option, Stream } from "effect"
import { BackendFailure, FreezeFailed } from "../../../src/domain/Errors.ts"
import type { Slug } from "../../../src/domain/Slug.ts"
import type { Backend } from "../../../src/services/Backends.ts"
import { BottleEvents } from "../../../src/services/BottleEvents.ts"
import { RunDirectories } from "../../../src/services/RunDirectories.ts"
import { Sidecar, type SidecarHandle } from "../../../src/services/Sidecar.ts"
import * as FakeBackend from "../../../src/testing/FakeBackend.ts"
import * as FakeSidecar from "../../../src/testing/FakeSidecar.ts"
import type { Boxes } from "./boxes.ts"

/** A call of the child. */
export interface Call {
  readonly call: number
  readonly of: string
  readonly args: ReadonlyArray<unknown>
}

/** Its answer. */
export interface Answer {
  readonly call: number
  readonly value?: unknown
  readonly failed?: { readonly _tag: string } & Readonly<Record<string, unknown>>
}

/** Does what is asked of the boxes; what an `Option` was is one again on the other side. */
export const answering = ({ fake, services }: Boxes): ((call: Call) => Effect.Effect<Answer>) => {
  const { backend } = fake
  const sidecar = Context.get(services, Sidecar)
  const events = Context.get(services, BottleEvents)
  const directories = Context.get(services, RunDirectories)
  const handled = <A>(slug: Slug, use: (handle: SidecarHandle) => Effect.Effect<A, unknown>) =>
    Effect.flatMap(sidecar.find(slug), (found) => Effect.forEach(Option.toArray(found), use))
  // The arguments are those that `remoteBackend` and `remoteSidecars` send.
  const calls: Readonly<Record<string, (...args: ReadonlyArray<never>) => Effect.Effect<unknown, unknown>>> =
    {
      "Backend.ensureImage": backend.ensureImage,
      "Backend.create": backend.create,
      "Backend.start": backend.start,
      "Backend.inspect": backend.inspect,
      "Backend.output": (slug: Slug, run: number) => Stream.runDrain(backend.output(slug, run)),
      "Backend.wait": backend.wait,
      "Backend.stop": backend.stop,
      "Backend.freeze": backend.freeze,
      "Backend.remove": backend.remove,
      "Backend.removeArtifacts": (slug: Slug, keep: string | null) =>
        backend.removeArtifacts(slug, Option.fromNullable(keep)),
      "Backend.destroy": backend.destroy,
      "Backend.list": () => backend.list,
      "Backend.artifacts": () => backend.artifacts,
      "Sidecar.launch": sidecar.launch,
      "Sidecar.find": sidecar.find,
      "Sidecar.alive": (slug: Slug) => handled(slug, ({ alive }) => alive),
      "Sidecar.stop": (slug: Slug) => handled(slug, ({ stop }) => stop),
      "BottleEvents.events": events.events,
      "BottleEvents.append": events.append,
      "BottleEvents.settle": events.settle,
      "BottleEvents.lastCheckin": events.lastCheckin,
      "BottleEvents.comments": events.comments,
      "BottleEvents.use": events.use,
      "RunDirectories.clear": directories.clear,
      "RunDirectories.forget": directories.forget,
    }
  return ({ call, of, args }) =>
    Effect.suspend(() => calls[of]?.(...(args as ReadonlyArray<never>)) ?? Effect.die(`no call ${of}`)).pipe(
      Effect.match({
        onSuccess: (value): Answer => ({ call, value }),
        onFailure: (failed): Answer => ({ call, failed: { _tag: "", ...(failed as object) } }),
      }),
    )
}

let calls = 0
const waiting = new Map<number, (answer: Answer) => void>()

/** Takes an answer of the parent. */
export const answered = (answer: Answer): void => {
  waiting.get(answer.call)?.(answer)
  waiting.delete(answer.call)
}

const ask = <A>(of: string, ...args: ReadonlyArray<unknown>) =>
  Effect.async<A, BackendFailure | FreezeFailed>((resume) => {
    const call = (calls += 1)
    waiting.set(call, ({ value, failed }) =>
      resume(failed === undefined ? Effect.succeed(revived(value) as A) : Effect.fail(errorOf(failed))),
    )
    process.send?.({ call, of, args } satisfies Call)
  }).pipe(Effect.withSpan(of))

const errorOf = (failed: NonNullable<Answer["failed"]>): BackendFailure | FreezeFailed => {
  const { reason, slug, target, operation } = { reason: "", slug: "", target: "", operation: "", ...failed }
  return failed._tag === "FreezeFailed"
    ? new FreezeFailed({ slug: slug as Slug, reason })
    : new BackendFailure({ backend: "fake", operation, target, reason: reason === "" ? failed._tag : reason })
}

/** JSON of an `Option` names its kind. */
const revived = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(revived)
  if (typeof value !== "object" || value === null) return value
  const fields = Object.fromEntries(Object.entries(value).map(([key, field]) => [key, revived(field)]))
  if (fields["_id"] !== "Option") return fields
  return fields["_tag"] === "Some" ? Option.some(fields["value"]) : Option.none()
}

/** The same as a defect: these services fail with other errors. */
const must = <A>(of: string, ...args: ReadonlyArray<unknown>) => Effect.orDie(ask<A>(of, ...args))

const remoteBackend = (like: Backend): Backend => ({
  ...like,
  ensureImage: (plan) => must("Backend.ensureImage", plan),
  create: (plan) => must("Backend.create", plan),
  start: (slug) => must("Backend.start", slug),
  inspect: (slug) => must("Backend.inspect", slug),
  output: (slug, run) => Stream.execute(must("Backend.output", slug, run)),
  logs: () => Stream.empty,
  wait: (slug) => Effect.catchTag(ask<number>("Backend.wait", slug), "FreezeFailed", Effect.die),
  stop: (slug) => must("Backend.stop", slug),
  freeze: (slug, run) => ask("Backend.freeze", slug, run),
  remove: (slug) => must("Backend.remove", slug),
  removeArtifacts: (slug, keep) => must("Backend.removeArtifacts", slug, Option.getOrNull(keep)),
  destroy: (slug) => must("Backend.destroy", slug),
  list: must("Backend.list"),
  artifacts: must("Backend.artifacts"),
})

/** Backends and sidecars of the parent, for a service in the child. */
export const remote = Layer.unwrapEffect(
  Effect.gen(function* () {
    const { backend } = yield* FakeBackend.make()
    const like = yield* FakeSidecar.make
    const handle = (slug: Slug): SidecarHandle => ({
      slug,
      socketPath: "",
      alive: Effect.map(must<ReadonlyArray<boolean>>("Sidecar.alive", slug), ([alive = false]) => alive),
      stop: must("Sidecar.stop", slug),
    })
    const services = like.services.pipe(
      Context.add(Sidecar, {
        ...like.sidecar,
        // The token stays here.
        launch: ({ slug }) => Effect.as(must("Sidecar.launch", { slug }), handle(slug)),
        find: (slug) =>
          Effect.map(must<Option.Option<unknown>>("Sidecar.find", slug), Option.as(handle(slug))),
      }),
      Context.add(BottleEvents, {
        events: (slug) => must("BottleEvents.events", slug),
        append: (event) => must("BottleEvents.append", event),
        settle: (slug, number) => must("BottleEvents.settle", slug, number),
        lastCheckin: (slug) => must("BottleEvents.lastCheckin", slug),
        comments: (slug, run) => must("BottleEvents.comments", slug, run),
        use: (slug, run, underWay) => must("BottleEvents.use", slug, run, underWay),
      }),
      Context.add(RunDirectories, {
        ...Context.get(like.services, RunDirectories),
        clear: (slug) => must("RunDirectories.clear", slug),
        forget: (slug) => must("RunDirectories.forget", slug),
      }),
    )
    return Layer.merge(FakeBackend.layer({ backend: remoteBackend(backend) }), Layer.succeedContext(services))
  }),
)
