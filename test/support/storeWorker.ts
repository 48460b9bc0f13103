/** A process of its own that uses the stores as bot-bottle does: one command for each message, one answer for each. */
import { Cause, Effect, Exit, Layer, ManagedRuntime, Option, Predicate, Schedule } from "effect"
import { BottleMetadata, BottleSpec } from "../../src/domain/Bottle.ts"
import { ForgeState } from "../../src/domain/ForgeState.ts"
import { freeLabel, mintSlug, Slug, SUFFIX_ALPHABET } from "../../src/domain/Slug.ts"
import * as SqliteBottleStore from "../../src/layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../src/layers/sqlite/SqliteForgeStateStore.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { ForgeStateStore } from "../../src/services/ForgeStateStore.ts"

/** What a worker can be told. Before `open` nothing touches the file. */
export type Command =
  | { readonly do: "open"; readonly filename: string }
  /** Adds `times` to the row's count, one change at a time. */
  | { readonly do: "count"; readonly times: number }
  /** Stores `times` rows of its own. */
  | { readonly do: "upsert"; readonly times: number; readonly owner: string }
  | { readonly do: "mint"; readonly times: number }
  /** Adds to the bottle's run number by a read and a put, which only its lease keeps apart from others'. */
  | { readonly do: "lease"; readonly times: number; readonly slug: string }
  /** Takes the leases and keeps them; answers once it has them. */
  | { readonly do: "hold"; readonly slug: string }
  | { readonly do: "close" }

/** Its answer; `error` is the message of a failure. */
export interface Answer {
  readonly error?: string
}

const layer = (filename: string) =>
  Layer.merge(SqliteForgeStateStore.layer({ filename }), SqliteBottleStore.layer({ filename }))

let runtime: ManagedRuntime.ManagedRuntime<ForgeStateStore | BottleStore, unknown> | undefined

const run = (effect: Effect.Effect<unknown, unknown, ForgeStateStore | BottleStore>) =>
  runtime?.runPromiseExit(effect) ?? Promise.resolve(Exit.fail("open comes first"))

const row = new ForgeState({
  forge: "https://git.example/api/v1",
  owner: "ada",
  repo: "engine",
  issueNumber: 1,
  slug: Slug.make("fix-abcde"),
  agentName: "fixer",
})

const addOne = (current: Option.Option<ForgeState>) => {
  const count = Option.getOrElse(
    Option.flatMap(current, (state) => state.prNumber),
    () => 0,
  )
  return [undefined, Option.some(new ForgeState({ ...row, prNumber: Option.some(count + 1) }))] as const
}

const suffix = () =>
  Array.from({ length: 5 }, () => SUFFIX_ALPHABET[Math.floor(Math.random() * 32)] ?? "a").join("")

const mintOne = (all: ReadonlyArray<BottleMetadata>) => {
  const label = freeLabel("fix", new Set(all.map((each) => each.spec.label)))
  return new BottleMetadata({
    slug: mintSlug(label, suffix()),
    spec: new BottleSpec({
      agent: "fixer",
      bottles: [],
      label,
      backend: "docker",
      cwd: "/",
      copyCwd: false,
      headless: true,
      forgeTargeted: false,
    }),
    createdAt: new Date().toISOString(),
    version: "0.1.0",
  })
}

const perform = (command: Command): Promise<Exit.Exit<unknown, unknown>> => {
  switch (command.do) {
    case "open":
      runtime = ManagedRuntime.make(layer(command.filename))
      return run(Effect.void)
    case "count":
      return run(
        Effect.flatMap(ForgeStateStore, (store) =>
          Effect.repeatN(store.modify(row, addOne), command.times - 1),
        ),
      )
    case "upsert":
      return run(
        Effect.flatMap(ForgeStateStore, (store) =>
          Effect.forEach(Array.from({ length: command.times }), (_, n) =>
            store.upsert(new ForgeState({ ...row, owner: command.owner, issueNumber: n + 1 })),
          ),
        ),
      )
    case "mint":
      return run(
        Effect.flatMap(BottleStore, (store) => Effect.repeatN(store.mint(mintOne), command.times - 1)),
      )
    case "lease":
      return run(Effect.repeatN(addUnderLease(Slug.make(command.slug)), command.times - 1))
    case "hold":
      return new Promise((resolve) => {
        void run(
          holdLeases(
            Slug.make(command.slug),
            Effect.sync(() => resolve(Exit.void)),
          ),
        ).then(resolve)
      })
    case "close":
      return runtime?.dispose().then(() => Exit.void) ?? Promise.resolve(Exit.void)
  }
}

const addUnderLease = (slug: Slug) =>
  Effect.flatMap(BottleStore, (store) =>
    store
      .withOperation(
        slug,
        "stop",
        Effect.gen(function* () {
          const current = Option.getOrThrow(yield* store.get(slug))
          yield* Effect.yieldNow()
          yield* store.put(new BottleMetadata({ ...current, run: current.run + 1 }))
        }),
      )
      .pipe(
        Effect.retry({
          while: Predicate.isTagged("BottleBusy"),
          schedule: Schedule.jittered(Schedule.spaced("3 millis")),
        }),
      ),
  )

const holdLeases = (slug: Slug, held: Effect.Effect<void>) =>
  Effect.flatMap(BottleStore, (store) =>
    store.withOperation(slug, "freeze", store.watch(slug, Effect.zipRight(held, Effect.never))),
  )

const answer = (exit: Exit.Exit<unknown, unknown>): Answer =>
  Exit.isSuccess(exit) ? {} : { error: String(Cause.squash(exit.cause)) }

process.on("message", (command: Command) => {
  void perform(command).then((exit) => process.send?.(answer(exit)))
})
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"))
