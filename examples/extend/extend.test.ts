/** The forge, the backend and the call of this folder, used together: with the sidecar in this process, and as a process of a bin of its own. */
import { describe, expect, it } from "@effect/vitest"
import { Home, homeAt } from "bot-bottle/Home"
import * as NodeProcessRunner from "bot-bottle/NodeProcessRunner"
import type { Forges, ProcessRunner, SidecarServices } from "bot-bottle"
import { Effect, type Layer, Redacted, Schedule } from "effect"
import { build } from "esbuild"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { getPriority } from "node:os"
import { join } from "node:path"
import { backendContract } from "../../test/contracts/Backend.ts"
import { tempDir } from "../../test/support/tempDir.ts"
import { polite } from "./politeBackend.ts"
import { layers, sidecarsHere, sidecarsOf, workOn } from "./program.ts"
import { type VillageServer, villageServer } from "./villageServer.ts"

/** In this project, where the bundle finds its packages; a user's `tsc` makes the same of it. */
const bundledBin = Effect.gen(function* () {
  mkdirSync("test/.bundles", { recursive: true })
  const outdir = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync("test/.bundles/extend-")),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
  )
  const outfile = join(outdir, "sidecar.mjs")
  yield* Effect.promise(() =>
    build({
      entryPoints: ["examples/extend/sidecar.ts"],
      outfile,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "esm",
      packages: "external",
    }),
  )
  return outfile
})

/** Asks the neck as an MCP client and as a JSON-RPC client would. */
const client = `const ask = async (path, method, params) => {
  const answer = await fetch(process.env.BOT_BOTTLE_NECK + path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  })
  return (await answer.json()).result
}
const { tools } = await ask("/mcp", "tools/list", {})
console.log("tool:", tools.at(-1).name)
console.log("rpc:", JSON.stringify(await ask("/rpc", "count_words", { number: 17 })))`

type Sidecars = Layer.Layer<SidecarServices, never, Forges | ProcessRunner>

/** What an agent with that script prints. */
const outputOf = (sidecars: Sidecars, village: VillageServer, script: string) =>
  Effect.gen(function* () {
    const output: Array<Uint8Array> = []
    const target = { apiUrl: village.url, token: village.token, owner: "ada", repo: "cellar" }
    yield* workOn(target, 17, (event) =>
      Effect.sync(() => {
        if (event._tag === "Output") output.push(event.bytes)
      }),
    ).pipe(Effect.provide(layers(sidecars, script)), Effect.provideService(Home, homeAt(yield* tempDir)))
    return Buffer.concat(output).toString("utf8")
  })

describe.each([
  ["in this process", Effect.succeed<Sidecars>(sidecarsHere)],
  ["as a process of a bin of one's own", Effect.map(bundledBin, (bin): Sidecars => sidecarsOf(bin))],
])("with the sidecar %s", (_, sidecars) => {
  it.scopedLive("an agent on a backend of one's own makes the call, and writes to the forge", () =>
    Effect.gen(function* () {
      const village = yield* villageServer
      const output = yield* outputOf(
        yield* sidecars,
        village,
        `cat
echo "niceness: $(nice)"
echo "command: $(forge call count-words number=17)"
'${process.execPath}' --input-type=module -e '${client}'
echo "It is measured." | forge post-comment 17
echo "It is an inch too wide, on the left." | forge update-description 17
forge signal-done success "measured it"`,
      )
      expect(output).toContain("`forge call count-words number=17`: any number of this repository")
      expect(output).toContain(`niceness: ${Math.min(getPriority() + 10, 19)}\n`)
      expect(output).toContain("command: 6 words\n")
      expect(output).toContain("tool: count_words\n")
      expect(output).toContain('rpc: {"words":6}\n')
      expect(village.writes).toEqual([
        ["POST /ada/cellar/issues/17/comments", "It is measured.\n"],
        ["PUT /ada/cellar/issues/17", "It is an inch too wide, on the left.\n"],
      ])
    }),
  )

  it.scopedLive("a write out of scope, a secret and what the forge does not have are refused", () =>
    Effect.gen(function* () {
      const village = yield* villageServer
      const output = yield* outputOf(
        yield* sidecars,
        village,
        `refused() { "$@" >/dev/null 2>error; echo "$? $(cat error)"; }
echo "Mine?" | refused forge post-comment 500
echo "Mine?" | refused forge update-description 500
echo "Mine?" | refused forge post-comment 17/../500
echo "It is ${Redacted.value(village.token)}." | refused forge post-comment 17
echo "Closes #500" | refused forge post-comment 17
echo "Text" | refused forge open-pr --title T --head "bot-bottle/$BOT_BOTTLE_SLUG"
refused forge call count-words number=18`,
      )
      expect(output.trim().split("\n")).toEqual([
        "3 write to #500 denied: out of assigned scope (writable: 17)",
        "3 write to #500 denied: out of assigned scope (writable: 17)",
        expect.stringMatching(/^2 .*needs a number/),
        expect.stringMatching(/^1 .*secret.*nothing was sent$/),
        expect.stringMatching(/^3 .*"#500" would close/),
        "1 forge: openPr failed with 501: a village has no pull requests, branches, orgs or keys",
        "1 forge: readIssue failed with 404: the village answers 404",
      ])
      expect(village.writes).toEqual([])
    }),
  )
})

it.scopedLive("a bin that does not serve fails the launch, which says why, and nothing is left of it", () =>
  Effect.gen(function* () {
    const village = yield* villageServer
    const directory = yield* tempDir
    const failureOf = (name: string, text?: string) =>
      Effect.gen(function* () {
        const bin = join(directory, name)
        if (text !== undefined) writeFileSync(bin, text)
        const error = yield* Effect.flip(outputOf(sidecarsOf(bin), village, "true"))
        expect(error).toMatchObject({ _tag: "SidecarError", operation: "launch" })
        return error.message
      })
    expect(yield* failureOf("none.mjs")).toContain("none.mjs")
    expect(yield* failureOf("ends.mjs", `console.error("no key")\nprocess.exit(3)`)).toContain("no key")
    const talks = `import { writeFileSync } from "node:fs"
writeFileSync(new URL("pid", import.meta.url), String(process.pid))
console.log("hello")
setInterval(() => {}, 1000)`
    expect(yield* failureOf("talks.mjs", talks)).toContain(`is not the ready message: "hello"`)
    const pid = Number(readFileSync(join(directory, "pid"), "utf8"))
    yield* Effect.sync(() => process.kill(pid, 0)).pipe(
      Effect.sandbox,
      Effect.flip,
      Effect.retry(Schedule.spaced("20 millis")),
    )
  }),
)

backendContract({
  name: "polite",
  image: () => "",
  kills: true,
  instances: Effect.gen(function* () {
    const home = homeAt(yield* tempDir)
    const one = polite.pipe(Effect.provideService(Home, home), Effect.provide(NodeProcessRunner.layer))
    return { home, first: yield* one, second: yield* one }
  }),
})
