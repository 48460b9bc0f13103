/** A simulated forge with hooks, boxes that outlive services, and a service in this process: by a fast clock, over real sockets and SQLite. */
import { Clock, Effect, Exit, Layer, Option, Scope } from "effect"
import { join } from "node:path"
import { BottleStore } from "../../../src/services/BottleStore.ts"
import { ForgeStateStore } from "../../../src/services/ForgeStateStore.ts"
import { Inbox } from "../../../src/services/Inbox.ts"
import { IssueStates } from "../../../src/services/IssueStates.ts"
import { Operations } from "../../../src/services/Operations.ts"
import { SweepCursors } from "../../../src/services/SweepCursors.ts"
import { serviceLines } from "../../../src/cli/serviceLines.ts"
import { serviceStatus } from "../../../src/programs/serviceStatus.ts"
import { HostName } from "../../../src/domain/orchestrator/StoredOperation.ts"
import * as GiteaSimulator from "../../../src/simulator/GiteaSimulator.ts"
import type { SimHook } from "../../../src/simulator/GiteaSimulator.ts"
import * as FakeBackend from "../../../src/testing/FakeBackend.ts"
import { tempDir } from "../../support/tempDir.ts"
import { makeBoxes, type Work } from "./boxes.ts"
import { fastClock } from "./fastClock.ts"
import { HOST, serve, type ServiceSettings, storesOf } from "./service.ts"

/** The bot. */
export const BOT = "cellar-bot"
/** The label that targets. */
export const LABEL = "bot-bottle:carpenter"
const TOKEN = "0123456789abcdef0123456789abcdef01234567"
/** Secret of the hooks. */
export const SECRET = "only the forge and the service know it"
const EVENTS = [
  "issues",
  "issue_assign",
  "issue_label",
  "issue_comment",
  "pull_request",
  "pull_request_assign",
  "pull_request_label",
  "pull_request_comment",
  "pull_request_review",
  "pull_request_sync",
  "status",
]

/** What differs between tests. */
export interface WorldOptions extends Partial<
  Omit<ServiceSettings, "filename" | "apiUrl" | "token" | "secret">
> {
  /** Issues of `ada/cellar`; 17 unless given. Numbers are unique over repositories. */
  readonly issues?: ReadonlyArray<number>
  /** Issues of a second repository, `ada/loft`, which is there in any case. */
  readonly more?: ReadonlyArray<number>
  /** Who wrote the issues; `ada` unless given. */
  readonly author?: string
  readonly takes?: Work["takes"]
  /** Where the database is; a directory of the test's own unless given. */
  readonly directory?: string
}

/** Where an issue is. */
export const placeOf = (state: GiteaSimulator.GiteaState, number: number): GiteaSimulator.IssuePlace => {
  const found = state.repos.find(({ issues }) => issues.get(number)?.pull === undefined && issues.has(number))
  if (found === undefined) throw new Error(`no repository has issue ${number}`)
  return { owner: found.owner, repo: found.name, number }
}

/** The newest pull request of an issue's agent. */
export const prOf = (
  state: GiteaSimulator.GiteaState,
  number: number,
): GiteaSimulator.IssuePlace | undefined => {
  const { owner, repo } = placeOf(state, number)
  const pulls = [...(state.repo(owner, repo)?.issues.values() ?? [])].filter(
    ({ pull }) => pull?.head === `mend-${number}`,
  )
  const last = pulls.at(-1)
  return last === undefined ? undefined : { owner, repo, number: last.number }
}

/** A forge by that clock: `ada` owns both repositories, `grace` may write, everybody else is a stranger. */
const makeForge = (now: () => number, options: WorldOptions) =>
  Effect.gen(function* () {
    const { issues = [17], more = [], author = "ada" } = options
    const repo = (name: string, numbers: ReadonlyArray<number>) => ({
      owner: "ada",
      name,
      collaborators: { [BOT]: "write", grace: "write" } as const,
      issues: numbers.map((number) => ({ number, title: `Issue ${number}`, body: "Bottles leak.", author })),
    })
    const sim = yield* GiteaSimulator.make({
      now,
      users: [{ login: BOT, token: TOKEN }],
      orgs: [{ name: "bot-bottle", members: [BOT] }],
      repos: [repo("cellar", issues), repo("loft", more)],
    })
    const at = sim.state.now()
    const hooks = sim.state.repos.map((on): SimHook => {
      const hook: SimHook = {
        id: sim.state.nextId(),
        type: "gitea",
        url: "http://127.0.0.1:1/webhook",
        contentType: "json",
        secret: SECRET,
        events: EVENTS,
        active: true,
        branchFilter: "*",
        authorization: "",
        createdAt: at,
        updatedAt: at,
      }
      on.hooks.push(hook)
      return hook
    })
    return {
      sim,
      /** Where deliveries go from now on. */
      deliverTo: (port: number) => {
        for (const hook of hooks) hook.url = `http://127.0.0.1:${port}/webhook`
      },
      openPr: (number: number) =>
        Effect.suspend(() => {
          const { owner, repo } = placeOf(sim.state, number)
          const known = prOf(sim.state, number)
          return known !== undefined && sim.state.issue(owner, repo, known.number)?.state === "open"
            ? Effect.succeed(known.number)
            : sim.as(BOT).openPull({ owner, repo }, { title: `Mend ${number}`, head: `mend-${number}` })
        }),
    }
  })

/** Looks again and again until it is so; fails with what it saw last when that has not changed for a minute of the machine. */
export const until = <A, E, R>(what: string, look: Effect.Effect<A, E, R>, isSo: (seen: A) => boolean) =>
  Effect.gen(function* () {
    let before = { seen: "", at: 0 }
    for (;;) {
      const seen = yield* look
      if (isSo(seen)) return seen
      const now = { seen: JSON.stringify(seen), at: Date.now() }
      if (now.seen !== before.seen) before = now
      if (now.at - before.at > 60_000) return yield* Effect.dieMessage(`not ${what}: ${JSON.stringify(seen)}`)
      yield* Effect.sleep("6 seconds")
    }
  })

/** What is kept of all issues: what waits, what is at work, and the state of each. */
const keptOf = Effect.fnUntraced(function* (forge: string) {
  const states = yield* (yield* IssueStates).all({ limit: 1000 })
  const rows = yield* (yield* ForgeStateStore).all
  return {
    hints: (yield* (yield* Inbox).waiting({ limit: 1000 })).length,
    operations: (yield* (yield* Operations).open(HostName.make(HOST), { limit: 1000 })).length,
    bottles: (yield* (yield* BottleStore).all).length,
    /** When the newest sweep began that has ended. */
    sweptAt: Option.match(yield* (yield* SweepCursors).get(forge), {
      onNone: () => 0,
      onSome: ({ sweptAt }) => sweptAt,
    }),
    /** The earliest time at which something is due. */
    next: Math.min(...states.map(({ state }) => state.nextAt ?? Infinity)),
    issues: Object.fromEntries(
      states.map(({ issueNumber, state, waits }) => [
        issueNumber,
        {
          phase: state.phase,
          waits,
          status: rows.find((row) => row.issueNumber === issueNumber)?.status ?? null,
          consumed: state.consumed.map(({ id }) => id),
        },
      ]),
    ),
  }
})

/** A world by a fast clock. Nothing serves it before `serve`. */
export const makeWorld = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const clock = yield* Effect.clock
  const directory = options.directory ?? (yield* tempDir)
  const { sim, deliverTo, openPr } = yield* makeForge(() => clock.unsafeCurrentTimeMillis(), options)
  const boxes = yield* makeBoxes({ takes: options.takes ?? (() => "10 seconds"), openPr })
  const { issues: _, more: __, author: ___, takes: ____, directory: _____, ...chosen } = options
  const settings: ServiceSettings = {
    filename: join(directory, "bot-bottle.db"),
    apiUrl: sim.apiUrl,
    token: TOKEN,
    secret: SECRET,
    repositories: ["ada/cellar", "ada/loft"],
    // On a busy machine the fast clock is an hour ahead before an agent is heard of.
    watchdog: 360_000_000,
    ...chosen,
  }
  const outliving = Layer.merge(FakeBackend.layer(boxes.fake), Layer.succeedContext(boxes.services))
  const context = yield* Layer.build(Layer.orDie(storesOf(settings)))
  const kept = Effect.orDie(Effect.provide(keptOf(sim.apiUrl), context))
  const place = (number: number) => placeOf(sim.state, number)
  let serving = Option.none<Scope.CloseableScope>()
  const stop = Effect.suspend(() => {
    const was = serving
    serving = Option.none()
    return Option.match(was, {
      onNone: () => Effect.void,
      onSome: (scope) => Scope.close(scope, Exit.void),
    })
  })
  yield* Effect.addFinalizer(() => stop)
  const world = {
    sim,
    boxes,
    settings,
    kept,
    context,
    place,
    deliverTo,
    /** What `orchestrate status` says: of the service, and of the issues that wait. */
    status: Effect.gen(function* () {
      const seen = yield* serviceStatus()
      const issues = seen.issues.map(
        ({ issueNumber, reason, setAside }) => `#${issueNumber}: ${setAside ?? reason}`,
      )
      return [...serviceLines(seen, yield* Clock.currentTimeMillis), ...issues]
    }).pipe(Effect.orDie, Effect.provide(context)),
    /** The pull request of an issue's agent, which there is. */
    pr: (number: number) => {
      const found = prOf(sim.state, number)
      if (found === undefined) throw new Error(`the agent of ${number} has opened nothing`)
      return found
    },
    /** Begins to serve, until `stop` or the end of the test. */
    serve: Effect.gen(function* () {
      const scope = yield* Scope.make()
      const port = yield* serve(settings).pipe(
        Scope.extend(scope),
        Effect.provide(outliving),
        Effect.tapErrorCause(() => Scope.close(scope, Exit.void)),
      )
      serving = Option.some(scope)
      deliverTo(port)
      return port
    }),
    /** Stops as on SIGTERM: agents go on, and webhooks find nobody. */
    stop,
    targets: (number: number, who = "ada") =>
      Effect.zipRight(sim.as(who).assign(place(number), BOT), sim.as(who).label(place(number), LABEL)),
    /** Waits until a sweep that began from now on has ended, and nothing is left to do before `soon` has passed. */
    rest: Effect.suspend(() => {
      const since = clock.unsafeCurrentTimeMillis()
      const look = Effect.gen(function* () {
        yield* sim.webhooks.idle
        const { hints, operations, next, sweptAt, issues } = yield* kept
        const soon = next - clock.unsafeCurrentTimeMillis() < SOON
        // One whose agent has ended is running until that is seen.
        const running = Object.values(issues).filter(({ phase }) => phase === "running").length
        return { hints, operations, soon, working: boxes.working() + running, isSwept: sweptAt >= since }
      })
      return until(
        "at rest",
        look,
        ({ hints, operations, soon, working, isSwept }) =>
          hints + operations + working === 0 && !soon && isSwept,
      )
    }),
  }
  return world
})

/** What is due later than this is not waited for. */
const SOON = 20 * 60_000

/** A world. */
export type World = Effect.Effect.Success<ReturnType<typeof makeWorld>>

/** Runs a test by a fast clock. */
export const fast = <A, E>(test: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.suspend(() => Effect.withClock(test, fastClock()))
