import { afterAll, describe } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as MemoryManifests from "../../src/testing/MemoryManifests.ts"
import { fileManifests, writeTree } from "../support/manifests.ts"
import { base, helloPrompt, manifestsContract, more } from "./Manifests.ts"

describe("MemoryManifests", () => {
  manifestsContract(
    MemoryManifests.layer({
      agents: {
        other: {},
        hello: {
          bottle: "base",
          description: "says hello",
          command: ["sh", "-c", "cat"],
          systemPrompt: helloPrompt,
        },
      },
      bottles: { more, base },
    }),
  )
})

describe("FileManifests", () => {
  const home = mkdtempSync(join(tmpdir(), "manifests-"))
  afterAll(() => rmSync(home, { recursive: true, force: true }))
  writeTree(home, {
    "agents/other.md": '---\nprovider: command\ncommand: ["cat"]\n---',
    "agents/hello.md": `\uFEFF---\r\nprovider: command\r\nbottle: base\r\ndescription: says hello\r\ncommand: [sh, -c, cat]\r\n---\r\n\r\n${helloPrompt}\r\n`,
    "agents/README.txt": "not a manifest",
    "agents/.hidden.md": "not one either",
    "bottles/base.yaml": 'image: one\nenv: {A: "1", B: "1"}\negress: {allow: [a]}\n',
    "bottles/more.yaml": 'image: two\nenv:\n  B: "2"\negress:\n  allow: [b, a]\n',
  })
  manifestsContract(fileManifests(home))
})
