import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ProcessRunner } from "../../../src/services/ProcessRunner.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { makeScanner } from "../../../src/layers/scanner/ChildScanner.ts"
import type { ScannerOptions } from "../../../src/services/SecretScanner.ts"
import { frameOf } from "../../../src/domain/ScanFrames.ts"
import { tempDir } from "../../support/tempDir.ts"

const token = "8f3a91c0d27be5466f0a9d1c3e7b5a2841dd90fe"
// Made here, so that a scanner of this repository does not stop at its own test.
const githubToken = ["ghp", "_", "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3d"].join("")

const scannerWith = (
  more: Partial<ScannerOptions> = {},
  change: (runner: typeof ProcessRunner.Service) => typeof ProcessRunner.Service = (runner) => runner,
) =>
  Effect.gen(function* () {
    const workDirectory = yield* tempDir
    const runner = change(yield* ProcessRunner)
    const scanner = yield* Effect.provideService(
      makeScanner({ secrets: [token], workDirectory, ...more }),
      ProcessRunner,
      runner,
    )
    return { ...scanner, workDirectory }
  }).pipe(Effect.provide(NodeProcessRunner.layer))

const objects = (...texts: ReadonlyArray<string>) =>
  Stream.fromIterable(texts.map((text, at) => frameOf(`object${at}`, text)))

const told = (findings: ReadonlyArray<{ object: string; line: number; rule: string }>) =>
  findings.map(({ object, line, rule }) => `${object}:${line} ${rule}`)

describe("a scanner", () => {
  it.scopedLive("names secretlint in the version that is installed", () =>
    Effect.gen(function* () {
      const file = new URL("../../../node_modules/@secretlint/core/package.json", import.meta.url)
      const { version } = JSON.parse(readFileSync(file, "utf8"))
      expect(yield* (yield* scannerWith()).name).toBe(`secretlint ${version}`)
    }),
  )

  it.scopedLive("finds known secrets and the shapes of others, with object and line", () =>
    Effect.gen(function* () {
      const { scan } = yield* scannerWith()
      const found = yield* scan(
        objects("clean\n", `a\nkey: ${githubToken}\n`, `\n\nx${Buffer.from(token).toString("base64")}`, ""),
      )
      expect(told(found)).toEqual(["object1:2 secretlint-rule-github", "object2:3 known-secret"])
      expect(JSON.stringify(found)).not.toContain(githubToken)
    }),
  )

  it.scopedLive("finds what it learnt later in objects and texts, beside what it knew", () =>
    Effect.gen(function* () {
      const { scan, scanText, learn } = yield* scannerWith()
      const later = "later-secret-Qz81Lm40XwPo93"
      const text = `a\n${later}\n${token}\n`
      expect(told(yield* scanText(text))).toEqual(["text:3 known-secret"])
      yield* learn(later)
      expect(told(yield* scanText(text))).toEqual(["text:2 known-secret", "text:3 known-secret"])
      expect(told(yield* scan(objects(text)))).toEqual(["object0:2 known-secret", "object0:3 known-secret"])
    }),
  )

  it.scopedLive("does not listen to what a file says to it", () =>
    Effect.gen(function* () {
      const { scan } = yield* scannerWith()
      const found = yield* scan(objects(`// secretlint-disable\n${githubToken} // gitleaks:allow\n`))
      expect(told(found)).toEqual(["object0:2 secretlint-rule-github"])
    }),
  )

  it.scopedLive("finds what lies in binary bytes and across the pieces of a large object", () =>
    Effect.gen(function* () {
      const { scan } = yield* scannerWith()
      const zeros = "\0".repeat(70_000)
      const long = `${"x".repeat(256 * 1024 - 20)}\n${githubToken}\n${"y\n".repeat(300_000)}${githubToken}\n`
      const found = yield* scan(objects(`PK\u0003\u0004${zeros}${token}${zeros}`, long))
      expect(told(found)).toEqual([
        "object0:1 known-secret",
        "object1:2 secretlint-rule-github",
        "object1:300003 secretlint-rule-github",
      ])
    }),
  )

  it.scopedLive("looks at the names in a tree", () =>
    Effect.gen(function* () {
      const { scan } = yield* scannerWith()
      const tree = Buffer.concat([
        Buffer.from("100644 README\0"),
        Buffer.alloc(20, 7),
        Buffer.from(`100644 ${token}.txt\0`),
        Buffer.alloc(20, 9),
      ])
      const frame = Buffer.concat([Buffer.from(`t tree ${tree.length}\n`), tree, Buffer.from("\n")])
      expect(told(yield* scan(Stream.make(frame)))).toEqual(["t:2 known-secret"])
    }),
  )

  it.scopedLive("scans many texts, at once and one after the other, in one process", () =>
    Effect.gen(function* () {
      let started = 0
      const { scanText } = yield* scannerWith({}, (runner) => ({
        ...runner,
        stream: (spec) =>
          Effect.zipRight(
            Effect.sync(() => (started += 1)),
            runner.stream(spec),
          ),
      }))
      const texts = Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? `fine ${at}` : `${at}\n${token}`))
      const found = yield* Effect.forEach(texts, scanText, { concurrency: 10 })
      expect(found.map(told)).toEqual(texts.map((_, at) => (at % 2 === 0 ? [] : ["text:2 known-secret"])))
      expect(yield* scanText("")).toEqual([])
      expect(started).toBe(1)
    }),
  )

  it.scopedLive("fails when its process dies, hangs or cannot start, and never says clean", () =>
    Effect.gen(function* () {
      for (const script of ["exit 1", "cat > /dev/null", "sleep 60"]) {
        const { scan, scanText } = yield* scannerWith({ progressMs: 300 }, (runner) => ({
          ...runner,
          stream: (spec) => runner.stream({ ...spec, command: "sh", args: ["-c", script] }),
        }))
        const text = yield* Effect.flip(scanText("x"))
        expect(text._tag).toBe("ScanFailed")
        // A scanner that reads all and says nothing of an object has not looked at it.
        const all = yield* Effect.either(scan(objects("x")))
        expect(all._tag).toBe("Left")
      }
    }),
  )

  it.scopedLive("starts another process when the one before has died", () =>
    Effect.gen(function* () {
      let first = true
      const { scanText } = yield* scannerWith({}, (runner) => ({
        ...runner,
        stream: (spec) => {
          const broken = first
          first = false
          return runner.stream(broken ? { ...spec, command: "sh", args: ["-c", "exit 3"] } : spec)
        },
      }))
      expect(told(yield* scanText(token))).toEqual(["text:1 known-secret"])
    }),
  )

  it.scopedLive("fails when what is to be scanned fails", () =>
    Effect.gen(function* () {
      const { scan } = yield* scannerWith()
      const broken = Stream.concat(objects("x"), Stream.fail("disk"))
      expect((yield* Effect.flip(scan(broken))).message).toContain("could not be read")
    }),
  )
})

const REPORT = JSON.stringify([{ File: "DIR/1", StartLine: 3, RuleID: "generic-api-key", Secret: "s3cret" }])

/** A gitleaks of the test's own on the PATH. */
const withGitleaks = (body: string) =>
  Effect.gen(function* () {
    const bin = yield* tempDir
    const script = join(bin, "gitleaks")
    writeFileSync(
      script,
      `#!/bin/sh\n[ "$1" = version ] && { echo 8.18.2; exit 0; }\necho "$*" > ${bin}/args\nls -A "$PWD" > ${bin}/files\n${body}\n`,
    )
    chmodSync(script, 0o755)
    const path = `${bin}:${process.env["PATH"] ?? ""}`
    const made = yield* scannerWith({}, (runner) => ({
      ...runner,
      run: (spec) => runner.run({ ...spec, env: { ...spec.env, PATH: path } }),
    }))
    return { ...made, bin }
  })

describe("a scanner with gitleaks on the PATH", () => {
  it.scopedLive("adds what gitleaks finds to the known secrets, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { name, scan, workDirectory, bin } = yield* withGitleaks(
        `head -c 1 1 | od -An -c | grep -q '.n' || exit 2\ncat <<'X'\n${REPORT}\nX\nexit 77`,
      )
      expect(yield* name).toBe("gitleaks 8.18.2")
      const found = yield* scan(objects(token, githubToken))
      expect(told(found)).toEqual(["object0:1 known-secret", "object1:2 generic-api-key"])
      expect(JSON.stringify(found)).not.toContain("s3cret")
      expect(readdirSync(workDirectory)).toEqual([])
      expect(existsSync(join(bin, "args"))).toBe(true)
    }),
  )

  it.scopedLive("is clean when gitleaks says so, and fails for any other code", () =>
    Effect.gen(function* () {
      expect(yield* (yield* withGitleaks("exit 0")).scan(objects("fine"))).toEqual([])
      for (const body of ["exit 1", "exit 126", "echo nonsense; exit 77"]) {
        const { scan } = yield* withGitleaks(body)
        expect((yield* Effect.flip(scan(objects("fine"))))._tag).toBe("ScanFailed")
      }
    }),
  )
})
