/** The list of probes: what is in it, and that no probe takes an open way for a closed one. */
import { describe, expect, it } from "vitest"
import type { Outside, Probe } from "../../../src/domain/probes/Probe.ts"
import { judgeAll, stepsOf } from "../../../src/domain/probes/Probe.ts"
import { clientHello, inetAddress, text, unixAddress } from "../../../src/domain/probeMachine/ProbeBytes.ts"
import type { ProbeGround } from "../../../src/domain/probes/ProbeGround.ts"
import type { Outcome } from "../../../src/domain/probeMachine/ProbeMachine.ts"
import { encodeSteps } from "../../../src/domain/probeMachine/ProbeMachine.ts"
import { allProbes, probesOf, REMEDIES } from "../../../src/domain/probes/Probes.ts"
import { PROBE_LIMITS, verificationManifest } from "../../../src/domain/Verification.ts"
import { helloFor } from "../../support/clientHello.ts"

const push = { commit: "c".repeat(40), pack: text("PACK") }

const ground: ProbeGround = {
  arch: "x64",
  round: 1,
  slug: "verify-abcde",
  limits: PROBE_LIMITS({}),
  asRoot: false,
  listeners: [{ name: "eth0, 192.0.2.7", address: "192.0.2.7", port: 4000 }],
  abstractSocket: "name",
  sockets: { "another bottle's neck": "/home/ada/.bot-bottle/run/aaaaa/neck/neck.sock" },
  file: "/tmp/readable",
  pid: 5000,
  listed: { host: "localhost", port: 4001 },
  forge: {
    port: 4002,
    api: { open: "/api/version", repository: "/api/cellar" },
    issue: 17,
    other: 1,
    strangersPr: 20,
  },
  git: {
    name: "app",
    head: "a".repeat(40),
    good: push,
    bad: push,
    old: "b".repeat(40),
    undone: push,
    closing: push,
    bomb: push,
  },
  route: { name: "probe", allowed: "/v1/models", denied: "/v1/files" },
}

const nothing: Outside = {
  heard: {},
  forgeWrites: [],
  refs: { "refs/heads/main": ground.git.head },
  routed: [],
  logged: [],
  chain: true,
  holdsSecret: () => false,
  leaked: { output: false, files: false },
}

const probes = allProbes(ground)

const all = (probe: Probe, outcome: Partial<Outcome>) =>
  probe.judge(
    probe.steps.map(() => ({ result: 0, done: 1, shown: new Uint8Array(), ...outcome })),
    nothing,
  )

const HELD_BACK = [
  "TLS for another name",
  "TLS for no name",
  "no TLS in a tunnel",
  "a write as a notification",
]

describe("the probes", () => {
  it("are many, each with a name of its own, and every class has a remedy", () => {
    expect(probes.length).toBeGreaterThan(200)
    expect(new Set(probes.map(({ name }) => name)).size).toBe(probes.length)
    expect(new Set(probes.map((probe) => probe.class))).toEqual(new Set(Object.keys(REMEDIES)))
    expect(probes.at(-1)?.name).toMatch(/processes/)
  })

  it("count a call that is let through as open: every call of the kernel, every way of the network", () => {
    const calls = probes.filter((probe) => ["calls", "sockets", "network", "names"].includes(probe.class))
    const open = calls.filter((probe) => all(probe, { result: 3 }).ok).map(({ name }) => name)
    // A machine without IPv6 has no such table.
    expect(open).toEqual(["IPv6 routes of the bottle"])
  })

  it("count arguments that were found wrong as let through: the list of calls did not stop them", () => {
    const calls = probes.filter((probe) => probe.class === "calls" && !probe.name.startsWith("clone3"))
    expect(calls.filter((probe) => all(probe, { result: -22 }).ok)).toEqual([])
    expect(calls.filter((probe) => !all(probe, { result: -1 }).ok)).toEqual([])
  })

  it("count an answer of the neck that lets through as open", () => {
    const shown = text("HTTP/1.1 200 OK\r\n\r\n{}")
    const asked = probes.filter(
      (probe) =>
        ["egress", "approvals", "routes", "forge", "git"].includes(probe.class) &&
        /refused/.test(probe.expected),
    )
    const open = asked.filter((probe) => all(probe, { shown }).ok).map(({ name }) => name)
    // Their tunnel is to be opened, and a notification is answered by nothing: what came outside decides.
    expect(open).toEqual(HELD_BACK)
    const reached: Outside = {
      ...nothing,
      heard: { listed: 2 },
      forgeWrites: ["POST /repos/ada/cellar/issues/1/comments"],
    }
    for (const probe of asked.filter(({ name }) => HELD_BACK.includes(name))) {
      const outcomes = probe.steps.map(() => ({ result: 0, done: 1, shown }))
      expect(probe.judge(outcomes, reached).ok).toBe(false)
    }
  })

  it("count a text that closes another issue as a hole when the forge's neck takes it, in every spelling", () => {
    const closing = probes.filter(({ name }) => /^a (?:comment|description) that /.test(name))
    expect(closing.length).toBe(14)
    const taken = text('HTTP/1.1 200 OK\r\n\r\n{"jsonrpc":"2.0","result":{"id":1},"id":1}')
    expect(closing.filter((probe) => all(probe, { shown: taken }).ok)).toEqual([])
  })

  it("do not believe the bottle: what was heard outside counts", () => {
    const quiet = { result: -101, done: 1, shown: text("HTTP/1.1 403 Forbidden\r\n\r\n") }
    const verdicts = (outside: Partial<Outside>) =>
      probes
        .filter(
          (probe) =>
            !probe.judge(
              probe.steps.map(() => quiet),
              { ...nothing, ...outside },
            ).ok,
        )
        .map(({ name }) => name)
    const before = new Set(verdicts({}))
    const fresh = (outside: Partial<Outside>) => verdicts(outside).filter((name) => !before.has(name))
    expect(fresh({ heard: { "eth0, 192.0.2.7": 1 } })).toEqual([
      "TCP to this machine (eth0, 192.0.2.7)",
      "UDP to this machine (eth0, 192.0.2.7)",
    ])
    expect(fresh({ routed: [{ request: "GET /v1/files", credential: true }] })).toContain(
      "a path that the route does not allow",
    )
    expect(fresh({ refs: {} })).toContain("a push that removes main")
    expect(fresh({ refs: { ...nothing.refs, "refs/heads/bot-bottle/other": "x" } })).toContain(
      "a push to another bottle's branch",
    )
    expect(fresh({ holdsSecret: () => true }).length).toBeGreaterThan(5)
    expect(fresh({ leaked: { output: true, files: undefined } })).toEqual([
      "secrets in all that the bottle was answered",
      "secrets in files of the bottle",
    ])
  })

  it("count what was not tried as not as promised", () => {
    const judged = judgeAll(probes, [], nothing).filter(
      ({ ok }, at) => ok && (probes[at]?.steps.length ?? 0) > 0,
    )
    expect(judged).toEqual([])
  })

  it("can be encoded for both processors, and are fewer when root is named or a class is asked for", () => {
    for (const arch of ["x64", "arm64"] as const) {
      const size = encodeSteps(arch, stepsOf(allProbes({ ...ground, arch }))).length
      expect(size).toBeGreaterThan(50_000)
      expect(size).toBeLessThan(1024 * 1024)
    }
    expect(allProbes({ ...ground, asRoot: true }).length).toBeLessThan(probes.length)
    expect(new Set(probesOf(ground, ["git"]).map((probe) => probe.class))).toEqual(new Set(["git"]))
  })

  it("hold no address that is anybody's: documentation, link-local, loopback and this machine's alone", () => {
    const named = probes.flatMap(({ name }) => name.match(/\b\d+\.\d+\.\d+\.\d+\b/g) ?? [])
    const fine = /^(192\.0\.2\.|198\.51\.100\.|169\.254\.|127\.|224\.0\.0\.|255\.255\.255\.255$|0\.0\.0\.0$)/
    expect(named.filter((address) => !fine.test(address))).toEqual([])
  })
})

describe("bytes of probes", () => {
  it("are socket addresses as the kernel has them", () => {
    expect([...inetAddress("192.0.2.1", 80)].slice(0, 8)).toEqual([2, 0, 0, 80, 192, 0, 2, 1])
    expect([...inetAddress("2001:db8::1", 443)].slice(0, 24)).toEqual([
      10, 0, 1, 187, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    ])
    expect([...unixAddress("\0a")]).toEqual([1, 0, 0, 97])
    expect([...unixAddress("/a")]).toEqual([1, 0, 47, 97, 0])
  })

  it("are a hello as clients of TLS send it", () => {
    expect(Buffer.from(clientHello("localhost")).equals(helloFor("localhost"))).toBe(true)
  })
})

describe("the manifest of a verification", () => {
  it("keeps image, user, environment and egress, and gives up what leads to others", () => {
    const made = verificationManifest(
      {
        image: "img",
        user: 1000,
        env: { A: "1" },
        verify: "required",
        limits: { memory: "4g", pids: 4096, cpus: 2, idleTimeout: "1 minute" },
        egress: { allow: ["api.example.com"] },
        routes: { api: { upstream: "https://api.example.com", header: "x", secret: { env: "KEY" } } },
        git: { app: { url: "https://git.example.com/a/b.git", key: { provider: "gitea" } } },
        workspace: { git: "app" },
      },
      { egress: { allow: [{ host: "localhost", port: 1 }] }, routes: {}, git: {} },
    )
    expect(made).toEqual({
      approvals: ["egress", "protected_path", "question"],
      image: "img",
      user: 1000,
      env: { A: "1" },
      limits: { memory: 256 * 1024 * 1024, pids: 128, cpus: 2, timeout: "5 minutes" },
      egress: { allow: ["api.example.com", { host: "localhost", port: 1 }] },
      routes: {},
      git: {},
    })
    expect(verificationManifest({ limits: { memory: "64m", pids: 16 } }, {}).limits).toMatchObject({
      memory: 64 * 1024 * 1024,
      pids: 16,
    })
  })
})
