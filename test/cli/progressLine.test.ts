/** When the progress line is there, and when it is gone: on a terminal that is recorded, with a clock of its own. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { afterEach, beforeEach, vi } from "vitest"
import * as output from "../../src/cli/output.ts"
import * as progress from "../../src/cli/progress.ts"
import { debugLines } from "../../src/cli/steps.ts"

const ERASE = "\r\u001b[K"

describe("the progress line", () => {
  let now = 0
  let written = ""
  beforeEach(() => {
    now = 0
    vi.spyOn(performance, "now").mockImplementation(() => now)
    for (const name of ["stdout", "stderr"] as const) {
      const stream = process[name]
      for (const [key, value] of Object.entries({ isTTY: true, columns: 80 })) {
        Object.defineProperty(stream, key, { value, configurable: true, writable: true })
      }
      vi.spyOn(stream, "write").mockImplementation((bytes: Uint8Array | string, done?: unknown) => {
        written += String(bytes)
        if (typeof done === "function") done()
        return true
      })
    }
    // An earlier test may have left the terminal on an unfinished line.
    Effect.runFork(output.note("begins"))
    written = ""
  })
  afterEach(() => {
    vi.restoreAllMocks()
    for (const name of ["stdout", "stderr"] as const)
      for (const key of ["isTTY", "columns"]) Reflect.deleteProperty(process[name], key)
  })

  /** What is written while some time passes. */
  const during = (milliseconds: number) =>
    Effect.gen(function* () {
      const before = written.length
      for (let passed = 0; passed < milliseconds; passed += 250) {
        now += 250
        yield* TestClock.adjust("250 millis")
      }
      return written.slice(before)
    })

  /** A command that goes on for as long as a test. */
  const running = Effect.fnUntraced(function* (...path: ReadonlyArray<string>) {
    const found = progress.progressOf(path, path)
    if (found === undefined) return expect.fail("no progress")
    yield* Effect.forkScoped(found.during(Effect.never))
    return found.listener
  })

  it.scoped("follows the steps of a command from their second second on, and ends with them at once", () =>
    Effect.gen(function* () {
      const begin = yield* running("start")
      const end = begin("Sidecar.launch")
      expect(yield* during(750)).toBe("")
      expect(yield* during(500)).toBe(`${ERASE}starting the sidecar ... 1 s`)
      expect(yield* during(1000)).toBe(`${ERASE}starting the sidecar ... 2 s`)
      const before = written.length
      end()
      expect(written.slice(before)).toBe(ERASE)
      expect(yield* during(3000)).toBe("")
    }),
  )

  it.scoped("is erased before an agent gets the terminal, and does not write over what the agent left", () =>
    Effect.gen(function* () {
      const begin = yield* running("start")
      const outer = begin("Sidecar.launch")
      yield* during(1250)
      expect(written).toMatch(/starting the sidecar \.\.\. 1 s$/)
      for (const name of ["Backend.attach", "Backend.shell"]) {
        const before = written.length
        const left = begin(name)
        if (name === "Backend.attach") expect(written.slice(before)).toBe(ERASE)
        expect(yield* during(3000)).not.toContain("starting")
        left()
        // The agent's last line may have no end.
        expect(yield* during(3000)).not.toContain("starting")
      }
      yield* output.note("the agent has ended")
      expect(yield* during(500)).toMatch(/starting the sidecar \.\.\. \d+ s$/)
      outer()
    }),
  )

  it.scoped("is erased by whatever else is printed, and waits while a line is unfinished", () =>
    Effect.gen(function* () {
      const found = progress.progressOf(["doctor"], [])
      if (found === undefined) return expect.fail("no progress")
      const fiber = yield* Effect.fork(found.during(Effect.never))
      expect(yield* during(1250)).toBe(`${ERASE}checking this machine ... 1 s`)
      let before = written.length
      yield* output.print("stdout", "half")
      expect(written.slice(before)).toBe(`${ERASE}half`)
      expect(yield* during(2000)).toBe("")
      yield* output.print("stdout", " a line\n")
      expect(yield* during(500)).toBe(`${ERASE}checking this machine ... 3 s`)
      before = written.length
      yield* Fiber.interrupt(fiber)
      expect(written.slice(before)).toBe(ERASE)
    }),
  )

  it("is not for pipes, nor for --json, --quiet and --dry-run, nor for commands that do not wait", () => {
    for (const word of ["--json", "--quiet", "--dry-run"])
      expect(progress.progressOf(["start"], [word])).toBeUndefined()
    expect(progress.progressOf(["version"], [])).toBeUndefined()
    process.stderr.isTTY = false
    expect(progress.progressOf(["start"], [])).toBeUndefined()
  })

  it("debug lines wait while an agent has the terminal", () => {
    const begin = debugLines()
    begin("Backend.start")()
    expect(written).toMatch(/Backend\.start took/)
    written = ""
    const attached = begin("Backend.attach")
    begin("Backend.inspect")()
    expect(written).toBe("")
    attached()
    expect(written).toMatch(/Backend\.inspect took .*\n.*Backend\.attach took/)
  })
})
