/** The probe machine is run on this machine, as any program is. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { asText, cText } from "../../../src/domain/probeMachine/ProbeBytes.ts"
import type { Step } from "../../../src/domain/probeMachine/ProbeMachine.ts"
import {
  IN,
  OUT,
  codeOf,
  encodeSteps,
  machine,
  readOutcomes,
  wordOf,
} from "../../../src/domain/probeMachine/ProbeMachine.ts"
import {
  call,
  closeKept,
  openFile,
  poke,
  readFile,
  shownBy,
} from "../../../src/domain/probeMachine/ProbeSteps.ts"
import type { Arch } from "../../../src/domain/probeMachine/SystemCalls.ts"

const folder = mkdtempSync(join(tmpdir(), "bot-bottle-machine-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Where a program that is missing is a failure. */
const required = process.env["CI_REQUIRE_DOCKER"] === "1"

const arch = process.arch as Arch
const runs = process.platform === "linux" && (arch === "x64" || arch === "arm64")

const run = (steps: ReadonlyArray<Step>) => {
  const path = join(folder, "machine")
  rmSync(path, { force: true })
  writeFileSync(path, machine(arch), { mode: 0o755 })
  const input = encodeSteps(arch, steps)
  const { status, stdout } = spawnSync(path, [], { input, timeout: 20_000, maxBuffer: 1 << 26 })
  return { status, ...readOutcomes(steps, stdout) }
}

describe.runIf(runs)("the probe machine", () => {
  it("reads a file through a descriptor that it kept, and shows what was read and no more", () => {
    const file = join(folder, "file")
    writeFileSync(file, "of the test")
    const { status, outcomes, rest } = run(readFile(file))
    expect(status).toBe(0)
    expect(asText(shownBy(outcomes))).toBe("of the test")
    expect(rest).toHaveLength(0)
  })

  it("tells an error by its name, and goes on", () => {
    const { outcomes } = run([...openFile(join(folder, "none")), closeKept, call("getpid")])
    expect(outcomes.map(wordOf)).toEqual(["allowed", "ENOENT", "EBADF", "allowed"])
  })

  it("lets a call be made apart: its error is told, and the machine goes on", () => {
    const { status, outcomes } = run([
      call("getpid", [], { apart: true }),
      call("close", [-1], { apart: true }),
      call("socket", [1, 1, 0], { keep: true }),
      call("mmap", [0, 1, 1, 0x22, -1, 0], { apart: true }),
    ])
    expect(status).toBe(0)
    expect(outcomes.map(wordOf)).toEqual(["allowed", "EBADF", "allowed", "allowed"])
  })

  it("repeats a call until it fails, and tells how often it did", () => {
    const { outcomes } = run([
      call("socketpair", [1, 1, 0, OUT], { times: 3 }),
      poke(cText("x")),
      call("close", [-1], { times: 5 }),
    ])
    expect(outcomes.map(({ done }) => done)).toEqual([3, 1, 1])
  })

  it("moves memory both ways", () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, at) => at % 251)
    const { outcomes } = run([poke(bytes), call("write", [1, IN, 0], { lengthFromLast: true })])
    expect(shownBy(outcomes)).toEqual(bytes)
  })

  it.runIf(arch === "x64")("makes a call of a 32-bit program", () => {
    const { outcomes } = run([call("writev", [], { apart: true, by32: true })])
    expect(["allowed", "SIGSEGV", "SIGSYS"]).toContain(outcomes.map(wordOf)[0])
  })

  it("that was ended early has fewer outcomes than steps", () => {
    const { outcomes } = readOutcomes([call("getpid"), call("getpid")], new Uint8Array(20))
    expect(outcomes).toHaveLength(1)
  })
})

/** Its source is for people: what runs are the bytes beside it, which must be that source's. */
describe("the code of the probe machine", () => {
  const assemblers: Readonly<Record<Arch, readonly [string, string]>> = {
    x64: ["x86_64-linux-gnu-as", "x86_64-linux-gnu-objcopy"],
    arm64: ["aarch64-linux-gnu-as", "aarch64-linux-gnu-objcopy"],
  }
  for (const [name, [as, objcopy]] of Object.entries(assemblers)) {
    const there = spawnSync(as, ["--version"]).status === 0
    if (!there && !required)
      process.stderr.write(`\n*** NO ${as} HERE: the probe machine's ${name} code is NOT compared ***\n`)
    it.runIf(there || required)(`for ${name} is what an assembler makes of its source`, () => {
      const source = new URL(`../../../scripts/probe-machine/${name}.s`, import.meta.url).pathname
      const [object, binary] = [join(folder, `${name}.o`), join(folder, `${name}.bin`)]
      expect(spawnSync(as, [source, "-o", object], { encoding: "utf8" })).toMatchObject({ status: 0 })
      expect(spawnSync(objcopy, ["-O", "binary", "-j", ".text", object, binary])).toMatchObject({ status: 0 })
      expect(Buffer.from(codeOf(name as Arch)).toString("hex")).toBe(readFileSync(binary).toString("hex"))
    })
  }
})
