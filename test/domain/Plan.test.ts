import { routeVariables } from "../../src/domain/RouteVariables.ts"
import { readFileSync } from "node:fs"
import { Option } from "effect"
import { describe, expect, it } from "vitest"
import { ForgeState } from "../../src/domain/ForgeState.ts"
import { forgeStatus } from "../../src/domain/ForgeStatus.ts"
import type { RunBottle } from "../../src/domain/OwnRepository.ts"
import { makePlan } from "../../src/domain/Plan.ts"
import { mayPush, pushPatterns } from "../../src/domain/PushPolicy.ts"
import { signalOf } from "../../src/domain/Signals.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { VERSION } from "../../src/domain/Version.ts"

const plan = (bottle: RunBottle, earlier?: { artifact?: string; user?: string }) =>
  makePlan({
    slug: Slug.make("door-abcde"),
    run: earlier === undefined ? 1 : 2,
    backend: "docker",
    defaultMemoryBytes: 1024,
    bottle,
    pull: "missing",
    interactive: false,
    invocation: { argv: ["agent"], env: { B: "agent" }, prompt: "work", files: [] },
    ...(earlier !== undefined && { earlier }),
  })

describe("a plan", () => {
  it("has the defaults of a bottle that names none", () => {
    expect(plan({ image: "img" })).toEqual({
      slug: "door-abcde",
      run: 1,
      backend: "docker",
      image: "img",
      rehydrate: false,
      pull: "missing",
      workdir: "/workspace",
      limits: { memoryBytes: 1024, pids: 1024 },
      argv: ["agent"],
      env: { B: "agent" },
      prompt: "work",
      files: [],
      interactive: false,
    })
  })

  it("has the manifest's values, as texts where they are environment", () => {
    const made = plan({
      user: 1000,
      workdir: "/w",
      env: { A: 1, B: true },
      limits: { memory: "2g", cpus: 1.5, pids: 7, disk: "1m" },
    })
    expect(made).toMatchObject({
      user: "1000",
      workdir: "/w",
      env: { A: "1", B: "agent" },
      limits: { memoryBytes: 2 * 1024 ** 3, cpus: 1.5, pids: 7, diskBytes: 1024 ** 2 },
    })
  })

  it("names its routes, and nothing else of them", () => {
    const route = { upstream: "https://api.example", header: "x-api-key", secret: { env: "KEY" } }
    expect(plan({ image: "img", routes: { "my-api": route } }).routes).toEqual(["my-api"])
    expect(plan({ image: "img", routes: {} }).routes).toBeUndefined()
    expect(routeVariables("http://neck", ["my-api", "b.2"])).toEqual({
      BOT_BOTTLE_ROUTE_MY_API: "http://neck/route/my-api",
      BOT_BOTTLE_ROUTE_B_2: "http://neck/route/b.2",
    })
  })

  it("of a resume starts from the artifact, as the user of the first launch", () => {
    expect(plan({ image: "img", user: "node" }, { artifact: "art", user: "1000:1000" })).toMatchObject({
      image: "art",
      rehydrate: true,
      user: "1000:1000",
    })
  })
})

it("a bottle may push its own branch and those below it, and no other", () => {
  const refs = [
    "refs/heads/bot-bottle/s",
    "refs/heads/bot-bottle/s/x",
    "refs/heads/bot-bottle/s2",
    "refs/heads/main",
    "refs/tags/bot-bottle/s",
    "refs/heads/bot-bottle/s/",
    "refs/heads/bot-bottle",
  ]
  expect(refs.filter((ref) => mayPush(pushPatterns("s"), ref))).toEqual(refs.slice(0, 2))
})

it("an exit code of 128+n names its signal", () => {
  expect([137, 143, 130, 1, 0, 255].map(signalOf)).toEqual([
    "SIGKILL",
    "SIGTERM",
    "SIGINT",
    undefined,
    undefined,
    undefined,
  ])
})

it("a status row shows addresses at its own forge when that is known, and the newest sign of life", () => {
  const row = new ForgeState({
    forge: "http://git.example/sub/api/v1",
    owner: "o",
    repo: "r",
    issueNumber: 7,
    slug: Slug.make("s"),
    agentName: "a",
    prNumber: Option.some(9),
    lastCheckinAt: "2026-01-01T01:00:00+01:00",
  })
  expect(forgeStatus(row, Option.none(), Option.some("2026-01-01T00:00:01Z"))).toMatchObject({
    issueUrl: "http://git.example/sub/o/r/issues/7",
    prUrl: Option.some("http://git.example/sub/o/r/pulls/9"),
    lastCheckinAt: "2026-01-01T00:00:01Z",
  })
  const old = new ForgeState({ ...row, forge: "" })
  expect(forgeStatus(old, Option.none(), Option.some("2025-12-31T23:59:59Z"))).toMatchObject({
    issueUrl: "o/r#7",
    prUrl: Option.some("o/r#9"),
    lastCheckinAt: "2026-01-01T01:00:00+01:00",
  })
})

it("the version is the package's", () => {
  expect(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version).toBe(
    VERSION,
  )
})
