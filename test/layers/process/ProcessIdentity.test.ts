/** A process is known by more than its pid. */
import { expect, it } from "@effect/vitest"
import { Effect, Option, Schedule } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { identify, isAlive, self } from "../../../src/layers/process/ProcessIdentity.ts"

/** A process whose name holds what its line in /proc is split at. */
const child = (script: string) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn("sh", ["-c", script], { argv0: "a) b (c", stdio: ["pipe", "pipe", "ignore"] })),
    (running) =>
      Effect.promise(async () => {
        if (running.exitCode !== null || running.signalCode !== null) return
        running.kill("SIGKILL")
        await once(running, "exit")
      }),
  )

it.effect("this process is alive, and the same each time it is asked", () =>
  Effect.gen(function* () {
    const me = yield* self
    expect(me.pid).toBe(process.pid)
    expect(me.startTime).not.toBe("")
    expect(yield* self).toEqual(me)
    expect(yield* isAlive(me)).toBe(true)
  }),
)

it.effect("a process of another start or another boot is not the one that had its pid", () =>
  Effect.gen(function* () {
    const me = yield* self
    expect(yield* isAlive({ ...me, startTime: `${me.startTime}1` })).toBe(false)
    expect(yield* isAlive({ ...me, bootId: "another boot" })).toBe(false)
  }),
)

it.effect("a process whose start is not known counts as alive as long as its pid is", () =>
  Effect.gen(function* () {
    expect(yield* isAlive({ ...(yield* self), startTime: "" })).toBe(true)
    expect(yield* isAlive({ pid: 2 ** 30, startTime: "", bootId: "" })).toBe(false)
  }),
)

it.scopedLive("a process is gone once it was killed", () =>
  Effect.gen(function* () {
    const running = yield* child("read line")
    const known = Option.getOrThrow(yield* identify(running.pid ?? 0))
    expect(yield* isAlive(known)).toBe(true)
    running.kill("SIGKILL")
    yield* Effect.promise(() => once(running, "exit"))
    expect(yield* isAlive(known)).toBe(false)
  }),
)

it.scopedLive("a zombie, whose parent has not asked for its end, is gone", () =>
  Effect.gen(function* () {
    const parent = yield* child("exec 3<&0; sh -c 'echo $$; read line' <&3 & exec sleep 60")
    const [line] = yield* Effect.promise(() => once(parent.stdout, "data"))
    const pid = Number(String(line))
    const known = Option.getOrThrow(yield* identify(pid))
    expect(yield* isAlive(known)).toBe(true)
    parent.stdin.end("go\n")
    yield* Effect.repeat(isAlive(known), { while: (alive) => alive, schedule: Schedule.spaced("5 millis") })
    expect(() => process.kill(pid, 0)).not.toThrow()
  }),
)

/** What every system but Linux uses. */
const withoutProc = Effect.acquireRelease(
  Effect.sync(() => {
    const found = process.platform
    Object.defineProperty(process, "platform", { value: "darwin" })
    return found
  }),
  (found) => Effect.sync(() => Object.defineProperty(process, "platform", { value: found })),
)

it.scopedLive.skipIf(spawnSync("ps", ["-p", "1"]).status !== 0)(
  "the same holds where ps has to be asked",
  () =>
    Effect.gen(function* () {
      yield* withoutProc
      const me = yield* self
      expect(me.startTime).toMatch(/^\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}$/)
      expect(yield* isAlive(me)).toBe(true)
      expect(yield* isAlive({ ...me, startTime: "Thu Jan 1 00:00:00 1970" })).toBe(false)
      const running = yield* child("read line")
      const known = Option.getOrThrow(yield* identify(running.pid ?? 0))
      running.kill("SIGKILL")
      yield* Effect.promise(() => once(running, "exit"))
      expect(yield* isAlive(known)).toBe(false)
    }),
)
