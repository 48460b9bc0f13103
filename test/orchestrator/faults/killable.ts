/** A service in a process of its own, which kills itself at one of its steps: before or after a call that changes something. */
import { Cause, Effect, Exit, Scope, Tracer } from "effect"
import { appendFileSync, readFileSync } from "node:fs"
import { fastClock } from "./fastClock.ts"
import { type Answer, answered, remote } from "./remote.ts"
import { serve, type ServiceSettings } from "./service.ts"

/** How it begins. */
export interface Begin {
  readonly settings: ServiceSettings
  /** When the fast clock of the test began. */
  readonly began: number
  /** The file of all steps that were taken, by former processes too: a line for each. */
  readonly steps: string
  /** The step to end at, as that file names it. */
  readonly kill?: string
}

/** What it says. */
export interface Said {
  /** It serves on that port. */
  readonly port?: number
  readonly failed?: string
}

/** Calls that change something, the whole of an intake, of a sweep, and of each operation. */
const CHANGES =
  /^(Inbox\.(accept|handle|failed)|IssueStates\.(commit|revise)|Operations\.(start|finish)|BottleStore\.(put|mint|modify|remove|take)|ForgeStateStore\.(upsert|modify)|SweepCursors\.set|Backend\.(ensureImage|create|start|stop|freeze|remove|removeArtifacts|destroy)|Sidecar\.(launch|stop)|BottleEvents\.(append|settle)|RunDirectories\.forget|webhook|forPulls|sweepOnce|operate)$/

const counts = new Map<string, number>()
let file = ""
let target: { readonly what: string; readonly count: number } | undefined

const read = (line: string) => {
  const [, what = "", count = ""] = /^(.*) #(\d+)$/.exec(line) ?? []
  return { what, count: Number(count) }
}

const step = (when: "before" | "after", name: string): void => {
  const what = `${when} ${name}`
  const count = (counts.get(what) ?? 0) + 1
  counts.set(what, count)
  // At once: what is sent may be lost with the process.
  appendFileSync(file, `${what} #${count}\n`)
  // Or later: how often it sweeps until then is a matter of time.
  if (target?.what === what && target.count <= count) process.kill(process.pid, "SIGKILL")
}

/** A tracer that sees each step begin and end. */
const tracer = Tracer.make({
  context: (f) => f(),
  span: (name, parent, context, links, startTime, kind) => {
    const isStep = CHANGES.test(name)
    if (isStep) step("before", name)
    const span = {
      _tag: "Span" as const,
      name,
      spanId: "",
      traceId: "",
      sampled: false,
      parent,
      context,
      links,
      kind,
      attributes: new Map<string, unknown>(),
      status: { _tag: "Started", startTime } as Tracer.SpanStatus,
      end: (endTime: bigint, exit: Exit.Exit<unknown, unknown>) => {
        span.status = { _tag: "Ended", startTime, endTime, exit }
        if (isStep) step("after", name)
      },
      attribute: () => undefined,
      event: () => undefined,
      addLinks: () => undefined,
    }
    return span
  },
})

const begin = ({ settings, began, steps, kill }: Begin): void => {
  target = kill === undefined ? undefined : read(kill)
  file = steps
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const { what, count } = read(line)
    counts.set(what, count)
  }
  const program = Effect.gen(function* () {
    const port = yield* Effect.provide(Scope.extend(serve(settings), yield* Scope.make()), remote)
    process.send?.({ port } satisfies Said)
    return yield* Effect.never
  }).pipe(Effect.withTracer(tracer), Effect.withClock(fastClock(began)))
  Effect.runFork(program).addObserver((exit) => {
    if (Exit.isFailure(exit)) process.send?.({ failed: Cause.pretty(exit.cause) } satisfies Said)
  })
}

process.on("message", (message: Begin | Answer) => {
  if ("settings" in message) begin(message)
  else answered(message)
})
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))
