/** A process that uses the orchestrator's tables: one message in, one answer out, and a message for each thing that is acknowledged. */
import { Cause, Effect, Exit, Layer, ManagedRuntime, Option, Scope } from "effect"
import { RunNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { newIssueState, type IssueState } from "../../src/domain/orchestrator/IssueState.ts"
import { Day } from "../../src/domain/orchestrator/Usage.ts"
import * as SqliteHomeLease from "../../src/layers/sqlite/SqliteHomeLease.ts"
import { HomeLease } from "../../src/services/HomeLease.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { Operations } from "../../src/services/Operations.ts"
import { Usage } from "../../src/services/Usage.ts"
import { begins, commit, hint, hintId, issue, waits } from "./life.ts"
import { stores } from "./lifeStores.ts"

/** What a worker can be told. Before `open` nothing touches the file. */
export type Command =
  | { readonly do: "open"; readonly filename: string }
  /** Accepts `batch-1` to `batch-<times>` all at once; answers how many of them were new. */
  | { readonly do: "accept"; readonly times: number }
  /** Stores `times` decisions over whatever version there is, each marked by a head `<name>-<n>`; answers the versions that it won. */
  | { readonly do: "win"; readonly times: number; readonly name: string }
  /** Tries once to begin an operation over version `over`; answers how that went. */
  | { readonly do: "begin"; readonly over: number }
  /** Accepts hints for ever, many at a time; acknowledges each. */
  | { readonly do: "acceptOn" }
  /** Accepts a hint, begins an operation for it and finishes that, for ever; acknowledges each version. */
  | { readonly do: "liveOn" }
  /** Holds the lease of the home until the process ends. */
  | { readonly do: "hold" }

/** Its answer, or before that what it acknowledges. */
export interface Message {
  readonly acknowledged?: string
  readonly error?: string
  readonly answer?: unknown
}

type Stores = Inbox | IssueStates | Operations | Usage | HomeLease

const usage = {
  run: RunNumber.make(1),
  day: Day.make("2026-11-20"),
  seconds: 60,
  tokens: 1000,
  cost: 250_000,
}

const stateNow = Effect.flatMap(IssueStates, (store) =>
  Effect.map(store.get(issue()), Option.match({ onNone: () => newIssueState, onSome: ({ state }) => state })),
)

const winOne = (mark: string): Effect.Effect<number, unknown, IssueStates> =>
  Effect.gen(function* () {
    const before: IssueState = yield* stateNow
    yield* Effect.yieldNow()
    const version = before.version + 1
    const decision = waits(version, { ...before, version, failedHeads: [...before.failedHeads, mark] })
    const result = yield* (yield* IssueStates).commit(commit(decision))
    return result._tag === "Committed" ? version : yield* winOne(mark)
  })

const acknowledge = (what: string) => Effect.sync(() => void process.send?.({ acknowledged: what }))

const liveOne = (n: number) =>
  Effect.gen(function* () {
    const [inbox, issues, operations] = [yield* Inbox, yield* IssueStates, yield* Operations]
    yield* inbox.accept(hint(`live-${n}`))
    const result = yield* issues.commit(commit(begins(n), { handled: [hintId(`live-${n}`)] }))
    if (result._tag !== "Committed" || result.operation === undefined)
      return yield* Effect.dieMessage(`no operation: ${result._tag}`)
    yield* acknowledge(`${n}`)
    yield* operations.finish(result.operation.id, {
      at: 9000,
      usage: { ...usage, run: RunNumber.make(n) },
    })
    yield* acknowledge(`${n} finished`)
  })

const perform = (command: Command): Effect.Effect<unknown, unknown, Stores> => {
  switch (command.do) {
    case "open":
      return Effect.void
    case "accept":
      return Effect.flatMap(Inbox, (inbox) =>
        Effect.forEach(
          Array.from({ length: command.times }, (_, n) => hint(`batch-${n + 1}`)),
          inbox.accept,
          { concurrency: "unbounded" },
        ),
      ).pipe(Effect.map((all) => all.filter((each) => each === "accepted").length))
    case "win":
      return Effect.forEach(Array.from({ length: command.times }), (_, n) => winOne(`${command.name}-${n}`))
    case "begin":
      return Effect.flatMap(IssueStates, (store) => store.commit(commit(begins(command.over + 1)))).pipe(
        Effect.map(({ _tag }) => _tag),
      )
    case "acceptOn":
      return Effect.flatMap(Inbox, (inbox) =>
        Effect.forEach(
          Array.from({ length: 20 }),
          (_, lane) =>
            Effect.iterate(1, {
              while: () => true,
              body: (n) => {
                const name = `on-${lane}-${n}`
                return Effect.as(Effect.zipRight(inbox.accept(hint(name)), acknowledge(name)), n + 1)
              },
            }),
          { concurrency: "unbounded" },
        ),
      )
    case "hold":
      return Effect.flatMap(Scope.make(), (scope) =>
        Effect.flatMap(HomeLease, ({ hold }) => Scope.extend(hold, scope)),
      )
    case "liveOn":
      return Effect.flatMap(stateNow, ({ version }) =>
        Effect.iterate(version + 1, { while: () => true, body: (n) => Effect.as(liveOne(n), n + 1) }),
      )
  }
}

let runtime: ManagedRuntime.ManagedRuntime<Stores, unknown> | undefined

process.on("message", (command: Command) => {
  if (command.do === "open") {
    runtime = ManagedRuntime.make(Layer.merge(stores(command), SqliteHomeLease.layer(command)))
  }
  void runtime
    ?.runPromiseExit(perform(command))
    .then((exit) =>
      process.send?.(Exit.isSuccess(exit) ? { answer: exit.value } : { error: Cause.pretty(exit.cause) }),
    )
})
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"))
