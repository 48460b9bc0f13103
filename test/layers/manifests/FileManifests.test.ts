import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { Manifests } from "../../../src/services/Manifests.ts"
import type { Tree } from "../../support/manifests.ts"
import { fileManifests, tempHome, writeTree } from "../../support/manifests.ts"

const told = Effect.fn(function* (home: Tree, call: "agent" | "bottle") {
  const { home: root } = yield* tempHome(home)
  const error = yield* Effect.gen(function* () {
    const manifests = yield* Manifests
    return yield* call === "agent" ? Effect.flip(manifests.agent("x")) : Effect.flip(manifests.bottle(["x"]))
  }).pipe(Effect.provide(fileManifests(root)))
  return error.message.replaceAll(root, "HOME")
})
const agentTold = (content: string | Uint8Array) => told({ "agents/x.md": content }, "agent")
const bottleTold = (content: string | Uint8Array) => told({ "bottles/x.yaml": content }, "bottle")

describe("FileManifests with bad input", () => {
  it.scoped("names the file, the key and what was expected", () =>
    Effect.gen(function* () {
      expect(yield* bottleTold("limits:\n  memory: lots\n")).toBe(
        "HOME/bottles/x.yaml: limits.memory: expected a size such as 512m or 2g",
      )
      expect(yield* bottleTold("imgae: x")).toMatch(
        /^HOME\/bottles\/x.yaml: imgae: unknown key: expected "image", /,
      )
      expect(yield* agentTold("---\nprovider: 5\n---\n")).toBe(
        "HOME/agents/x.md: provider: expected claude, codex, pi or command",
      )
      expect(yield* bottleTold("- image")).toBe("HOME/bottles/x.yaml: expected a map of keys")
    }),
  )

  it.scoped("tells of text that is not YAML by its line, and never quotes it", () =>
    Effect.gen(function* () {
      expect(yield* bottleTold("image: x\nenv: [sk-secret")).toMatch(/expected YAML: .* on line 2$/)
      expect(yield* agentTold("---\nprovider: claude\nmodel: {sk-secret\n---\n")).toMatch(/on line \d$/)
      for (const text of [
        "image: sk-secret: x",
        "sk-secret\nsk-secret: x",
        "a: *sk-secret",
        '"sk-secret',
        "%sk-secret",
        "!sk-secret x",
      ])
        expect(yield* bottleTold(text)).not.toContain("sk-secret")
    }),
  )

  it.scoped("refuses what YAML has beyond plain data", () =>
    Effect.gen(function* () {
      expect(yield* bottleTold("image: a\nimage: b")).toContain("duplicate key on line 2")
      expect(yield* bottleTold("image: !!js/function x")).toContain("tag resolve failed on line 1")
      expect(yield* bottleTold("image: !!binary aGk=")).toContain("tag resolve failed")
      expect(yield* bottleTold("image: a\n---\nimage: b")).toContain("multiple docs")
      expect(yield* bottleTold("%YAML 1.1\n---\nimage: a")).toContain("expected YAML 1.2")
      expect(yield* bottleTold("<<: {image: a}")).toContain("<<")
      expect(yield* bottleTold("__proto__: {image: a}")).toContain("__proto__: unknown key")
      expect(yield* bottleTold("? [a]\n: b")).toContain("non string key")
      const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"]
      for (const [n, next] of [..."bcdefgh"].entries()) {
        const last = `*${"abcdefgh"[n]}`
        bomb.push(`${next}: &${next} [${Array.from({ length: 9 }, () => last).join()}]`)
      }
      expect(yield* bottleTold(bomb.join("\n"))).toContain("aliases")
    }),
  )

  it.scoped("survives deep nesting", () =>
    Effect.gen(function* () {
      for (const piece of ["[", "- ", "{a: ", "? ", "- - ", "[{a: "])
        for (const size of [2000, 60_000])
          expect(yield* bottleTold(piece.repeat(size / piece.length)), piece).toContain(
            "nested at most 32 deep",
          )
      const stairs = Array.from({ length: 300 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")
      expect(yield* bottleTold(stairs)).toContain("nested at most 32 deep")
    }),
  )

  it.scoped("refuses a file of 10 MB, and YAML of 100 KB, but takes a long prompt", () =>
    Effect.gen(function* () {
      expect(yield* bottleTold(Buffer.alloc(10_000_000, "#"))).toBe(
        "HOME/bottles/x.yaml: expected at most 1 MiB, it has 10000000 bytes",
      )
      expect(yield* bottleTold(Buffer.alloc(100_000, "#"))).toContain("at most 64 KiB of YAML")
      const { home } = yield* tempHome({
        "agents/x.md": `---\nprovider: claude\n---\n${"a".repeat(900_000)}`,
      })
      const agent = yield* Effect.flatMap(Manifests, (manifests) => manifests.agent("x")).pipe(
        Effect.provide(fileManifests(home)),
      )
      expect(agent.systemPrompt).toHaveLength(900_000)
    }),
  )

  it.scoped("refuses what is not text, and what has no front matter", () =>
    Effect.gen(function* () {
      expect(yield* bottleTold(new Uint8Array([0x69, 0xff, 0xfe]))).toBe(
        "HOME/bottles/x.yaml: expected text in UTF-8",
      )
      expect(yield* agentTold("You are kind.")).toContain("expected front matter")
      expect(yield* agentTold("")).toContain("expected front matter")
      expect(yield* agentTold("\n---\nprovider: claude\n---\n")).toContain("expected front matter")
      expect(yield* agentTold("---\nprovider: claude\n")).toContain('a line "---" that ends')
    }),
  )

  it.scoped("refuses a directory, and a pipe without waiting for it", () =>
    Effect.gen(function* () {
      const { home } = yield* tempHome({ "agents/a.md": "" })
      mkdirSync(join(home, "bottles", "dir.yaml"), { recursive: true })
      execFileSync("mkfifo", [join(home, "bottles", "pipe.yaml")])
      yield* Effect.gen(function* () {
        const manifests = yield* Manifests
        for (const name of ["dir", "pipe"])
          expect((yield* Effect.flip(manifests.bottle([name]))).expected).toContain(
            "expected a file, not a directory",
          )
      }).pipe(Effect.provide(fileManifests(home)))
    }),
  )

  it.scoped("lists a broken manifest with what is wrong, and the rest as ever", () =>
    Effect.gen(function* () {
      const { home } = yield* tempHome({
        "agents/bad.md": "x",
        "agents/good.md": "---\nprovider: claude\ndescription: d\n---",
      })
      const list = yield* Effect.flatMap(Manifests, (manifests) => manifests.list()).pipe(
        Effect.provide(fileManifests(home)),
      )
      expect(list.agents.map(({ description }) => description)).toEqual([
        expect.stringMatching(/^not valid: .*front matter/),
        "d",
      ])
    }),
  )

  it.scoped("says that init writes an example when there is no home at all", () =>
    Effect.gen(function* () {
      expect(yield* told({}, "agent")).toBe(
        'no agent "x": there is no agent in HOME/agents: "bot-bottle init" writes an example',
      )
      expect(yield* told({}, "bottle")).toContain('"bot-bottle init" writes an example')
    }),
  )

  it.scoped("follows links of the home, which is the operator's own", () =>
    Effect.gen(function* () {
      const { home, root } = yield* tempHome({ "bottles/y.yaml": "image: a" })
      writeTree(root, { "dotfiles/x.yaml": "image: linked" })
      symlinkSync(join(root, "dotfiles/x.yaml"), join(home, "bottles/x.yaml"))
      const bottle = yield* Effect.flatMap(Manifests, (manifests) => manifests.bottle(["x"])).pipe(
        Effect.provide(fileManifests(home)),
      )
      expect(bottle).toEqual({ image: "linked" })
    }),
  )
})
