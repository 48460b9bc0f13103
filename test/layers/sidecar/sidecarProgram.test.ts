/** The start-up snapshot of a sidecar: when it is made, what it starts, and what happens when it cannot. */
import { it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, vi } from "vitest"
import { Slug } from "../../../src/domain/Slug.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { makeStarter } from "../../../src/layers/sidecar/starter.ts"
import type { SidecarProgram } from "../../../src/layers/sidecar/sidecarProgram.ts"
import { askStop } from "../../../src/sidecar/http/control.ts"
import { ProcessRunner } from "../../../src/services/ProcessRunner.ts"
import { asked } from "../../support/requests.ts"
import { copiedProgram, documentIn, fromSnapshot } from "../../support/sidecarProcess.ts"
import { tempDir } from "../../support/tempDir.ts"

const isThere = (pid: number) => existsSync(`/proc/${pid}`)

const filesIn = (directory: string, pattern: RegExp) =>
  readdirSync(directory).filter((name) => pattern.test(name))

/** Starts sidecars as a launcher does, and tells how: from the code, from a snapshot, or a maker of one. */
const launcher = (own: SidecarProgram) =>
  Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const begun: Array<string> = []
    const starter = yield* makeStarter(
      {
        ...runner,
        detached: (spec) => {
          const has = (flag: string) => spec.args.includes(flag)
          begun.push(has("--build-snapshot") ? "maker" : has("--snapshot-blob") ? "snapshot" : "code")
          return runner.detached(spec)
        },
      },
      own,
    )
    const launch = Effect.gen(function* () {
      const document = { ...documentIn(yield* tempDir), slug: Slug.make("door-abcde"), routes: [] }
      mkdirSync(document.stateDir)
      yield* starter.start(document)
      const id = yield* asked(document.socketPath, "question", "Which branch?")
      yield* askStop(document.controlPath)
      return id
    })
    return { begun, launch }
  })

const until = (check: () => void) => Effect.promise(() => vi.waitFor(check, 60_000))

describe("a sidecar's snapshot", () => {
  it.scopedLive("is made after the first sidecar has ended, and then starts the next ones", () =>
    Effect.gen(function* () {
      const { directory, program } = yield* copiedProgram
      const { begun, launch } = yield* launcher(program)
      yield* launch
      yield* until(() => expect(filesIn(directory, /\.v8$/)).toHaveLength(1))
      yield* launch
      expect(begun).toEqual(["code", "maker", "code"])
      yield* until(() => expect(filesIn(directory, /\.blob/)).toEqual([expect.stringMatching(/\.blob$/)]))
      const ids = yield* Effect.all([launch, launch, launch])
      expect(begun.slice(3)).toEqual(["snapshot", "snapshot", "snapshot"])
      // Each process draws its own.
      expect(new Set(ids).size).toBe(3)
    }).pipe(Effect.provide(NodeProcessRunner.layer)),
  )

  it.scopedLive("that is damaged, cut or of another node is removed, and the sidecar starts without it", () =>
    Effect.gen(function* () {
      const { directory, program } = yield* copiedProgram
      yield* fromSnapshot(program)
      const [name = ""] = filesIn(directory, /\.blob$/)
      const blob = join(directory, name)
      const whole = readFileSync(blob)
      const middle = Math.floor(whole.length / 2)
      const damaged = Buffer.from(whole)
      damaged.fill(0x5a, middle, middle + 4096)
      for (const bad of [Buffer.from("no snapshot"), whole.subarray(0, middle), damaged]) {
        writeFileSync(blob, bad)
        const { begun, launch } = yield* launcher(program)
        yield* launch
        expect(begun).toEqual(["snapshot", "code"])
        expect(filesIn(directory, /\.blob/)).toEqual([])
      }
    }).pipe(Effect.provide(NodeProcessRunner.layer)),
  )

  it.scopedLive("is left for the code only when node could not start from it", () =>
    Effect.gen(function* () {
      const { program } = yield* copiedProgram
      const attempts = (script: string) =>
        Effect.gen(function* () {
          const { begun, launch } = yield* launcher({
            ...program,
            fast: Effect.succeedSome(["-e", script]),
          })
          yield* Effect.exit(launch)
          return begun.length
        })
      for (const end of ["process.kill(process.pid, 'SIGTERM')", "process.exit(0)", "process.exit(2)"])
        expect([end, yield* attempts(end)]).toEqual([end, 1])
      for (const end of ["process.exit(14)", "process.abort()"])
        expect([end, yield* attempts(end)]).toEqual([end, 2])
    }).pipe(Effect.provide(NodeProcessRunner.layer)),
  )

  it.scopedLive("is made by one of many, and a maker that was killed is overtaken", () =>
    Effect.gen(function* () {
      const { directory, program } = yield* copiedProgram
      yield* fromSnapshot(program)
      const [name = ""] = filesIn(directory, /\.blob$/)
      yield* program.forget
      const { detached } = yield* ProcessRunner
      const spec = yield* Effect.flatten(program.making)
      const part = join(directory, `${name}.part`)
      writeFileSync(part, "")
      const { pid } = yield* detached(spec)
      yield* until(() => expect(isThere(pid)).toBe(false))
      expect(filesIn(directory, /\.blob/)).toEqual([`${name}.part`])
      const before = Date.now() / 1000 - 300
      utimesSync(part, before, before)
      yield* Effect.all(Array.from({ length: 5 }, () => detached(spec)))
      yield* until(() => expect(filesIn(directory, /\.blob/)).toEqual([name]))
      expect(Option.isSome(yield* program.fast)).toBe(true)
    }).pipe(Effect.provide(NodeProcessRunner.layer)),
  )

  it.scopedLive(
    "that cannot be made is not tried again, and no file is left of one that came too early",
    () =>
      Effect.gen(function* () {
        const { directory, program } = yield* copiedProgram
        yield* fromSnapshot(program)
        yield* program.forget
        const { detached } = yield* ProcessRunner
        const spec = yield* Effect.flatten(program.making)
        const made = (args: ReadonlyArray<string>) =>
          Effect.flatMap(detached({ ...spec, args }), ({ pid }) =>
            until(() => expect(isThere(pid)).toBe(false)),
          )
        yield* made([...spec.args.slice(0, -1), "0123456789abcdef"])
        expect(filesIn(directory, /\.blob/)).toEqual([])
        writeFileSync(join(directory, "snapshot.cjs"), "throw new Error('no')")
        yield* made(spec.args)
        expect(filesIn(directory, /\.blob/)).toHaveLength(1)
        expect(Option.isNone(yield* program.fast)).toBe(true)
        expect(Option.isNone(yield* program.making)).toBe(true)
      }).pipe(Effect.provide(NodeProcessRunner.layer)),
  )
})
