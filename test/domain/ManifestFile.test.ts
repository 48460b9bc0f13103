import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Option } from "effect"
import { ALLOWED_HOST_RULE } from "../../src/domain/AllowList.ts"
import { PASSABLE_HEADER_RULE } from "../../src/domain/RoutePasses.ts"
import { SECRET_SOURCE_RULE } from "../../src/domain/SecretSource.ts"
import { agentNotFound, decodeAgent, decodeBottle, projectProblem } from "../../src/domain/ManifestFile.ts"

const agent = (front: unknown, body = "") => decodeAgent({ file: "a.md", name: "a", front, body })
const told = <A>(effect: Effect.Effect<A, { readonly key: string; readonly expected: string }>) => {
  const result = Effect.runSync(Effect.either(effect))
  return Either.isLeft(result) ? [result.left.key, result.left.expected] : "accepted"
}
const bottle = (value: unknown) => told(decodeBottle("b.yaml", value))

describe("decodeAgent", () => {
  it.effect("makes an agent of front matter and body", () =>
    Effect.gen(function* () {
      expect(
        yield* agent({ provider: "command", command: ["sh", "-c", "x"], bottle: "dev" }, "\nBe kind.\n"),
      ).toEqual({
        name: "a",
        provider: "command",
        bottle: Option.some("dev"),
        model: Option.none(),
        description: Option.none(),
        command: Option.some(["sh", "-c", "x"]),
        systemPrompt: "Be kind.",
      })
    }),
  )

  it.effect("takes an absent, a null and an empty bottle for none", () =>
    Effect.gen(function* () {
      for (const given of [{}, { bottle: null }, { bottle: "" }])
        expect((yield* agent({ provider: "claude", ...given })).bottle).toEqual(Option.none())
    }),
  )

  it("names the key and what was expected there", () => {
    expect(told(agent(null))).toEqual(["provider", "is missing: expected claude, codex, pi or command"])
    expect(told(agent({ provider: "gpt" }))).toEqual(["provider", "expected claude, codex, pi or command"])
    expect(told(agent(["provider"]))).toEqual(["", "expected a map of keys"])
    expect(told(agent("x"))).toEqual(["", "expected a map of keys"])
    expect(told(agent({ provider: "claude", model: 5 }))).toEqual(["model", "expected string"])
    expect(told(agent({ provider: "claude", tools: [] }))).toEqual([
      "tools",
      'unknown key: expected "provider", "bottle", "model", "login", "description", "command"',
    ])
    for (const command of ["sh", [], [1], ["sh", ""], ["sh", "\0"]])
      expect(told(agent({ provider: "command", command }))).toEqual([
        "command",
        'expected a list of texts that are not empty, such as ["sh", "run.sh"]',
      ])
  })

  it("wants an argv for the provider command, and none for the others", () => {
    expect(told(agent({ provider: "command" }))[0]).toBe("command")
    expect(told(agent({ provider: "claude", command: ["sh"] }))).toEqual([
      "command",
      "unknown key: only the provider command has an argv, not claude",
    ])
  })
})

describe("decodeBottle", () => {
  it("takes an empty file for an empty bottle", () => {
    expect(Effect.runSync(decodeBottle("b.yaml", null))).toEqual({})
  })

  it("names the dotted path and what was expected there", () => {
    expect(bottle({ imag: "x" })[0]).toBe("imag")
    expect(bottle({ image: 5 })).toEqual(["image", "expected an image reference such as debian:stable-slim"])
    expect(bottle({ workdir: "x" })).toEqual([
      "workdir",
      'expected an absolute path without ":" and ",", such as /workspace',
    ])
    expect(bottle({ env: { A: [1] } })).toEqual([
      "env.A",
      "expected a text without NUL, a number, true or false",
    ])
    expect(bottle({ env: { "A-B": "x" } })).toEqual([
      "env.A-B",
      "unknown key: expected a name of letters, digits and '_' that starts with no digit",
    ])
    expect(bottle({ limits: { memory: "lots" } })).toEqual([
      "limits.memory",
      "expected a size such as 512m or 2g",
    ])
    expect(bottle({ limits: { timeout: "soon" } })).toEqual([
      "limits.timeout",
      "expected a duration such as 30 minutes or 1h30m",
    ])
    expect(bottle({ limits: { ram: 1 } })[0]).toBe("limits.ram")
    expect(bottle({ limits: 5 })).toEqual(["limits", "expected a map of limits"])
    expect(bottle({ egress: {} })).toEqual(["egress.allow", "is missing: expected a list of hosts"])
    expect(bottle({ egress: { allow: "h" } })).toEqual(["egress.allow", "expected a list of hosts"])
    expect(bottle({ egress: { allow: ["h", 5] } })).toEqual([
      "egress.allow.1",
      "expected a host or {host, port?, private?, tls?}",
    ])
    expect(bottle({ egress: { allow: [{ host: "h", port: 0 }] } })).toEqual([
      "egress.allow.0.port",
      "expected a port from 1 to 65535",
    ])
    expect(bottle({ egress: { allow: [{ hosts: "h" }] } })[0]).toBe("egress.allow.0.hosts")
    for (const host of ["*", "h:443", "https://h", ""]) {
      expect(bottle({ egress: { allow: [host] } })).toEqual([
        "egress.allow.0",
        `expected ${ALLOWED_HOST_RULE} or {host, port?, private?, tls?}`,
      ])
      expect(bottle({ egress: { allow: [{ host }] } })[0]).toBe("egress.allow.0.host")
    }
    const passing = (more: object) =>
      bottle({ routes: { a: { upstream: "u", header: "h", secret: { env: "E" }, ...more } } })
    expect(passing({ headers: ["x-page", "X-Tenant"], query: ["page", "filter[a]"] })).toBe("accepted")
    for (const name of ["Authorization", "host", "Set-Cookie", "x_api_key", "connection", "via", "a b", ""]) {
      expect(passing({ headers: [name] })).toEqual(["routes.a.headers.0", `expected ${PASSABLE_HEADER_RULE}`])
    }
    for (const name of ["", "a&b", "a=b", "a;b"]) {
      expect(passing({ query: [name] })[0]).toBe("routes.a.query.0")
    }
    expect(bottle({ routes: { a: { upstream: "u", header: "h" } } })).toEqual([
      "routes.a.secret",
      `is missing: expected ${SECRET_SOURCE_RULE}`,
    ])
    expect(bottle({ git: { "../x": { url: "u", key: { provider: "gitea" } } } })[0]).toBe('git."../x"')
    const app = (entry: object) => bottle({ git: { app: entry } })
    expect(app({ forge: true, push: ["refs/heads/x"], base: "dev", private: true })).toBe("accepted")
    expect(app({ forge: true, key: { provider: "gitea" } })).toBe("accepted")
    expect(app({ forge: false })).toEqual(["git.app.forge", "expected true"])
    expect(app({})).toEqual([
      "git.app.url",
      "is missing: expected the repository's URL, or forge: true for the run's own repository",
    ])
    expect(app({ url: "u" })).toEqual([
      "git.app.key",
      "is missing: expected {provider: gitea} or {identityFile: PATH}",
    ])
    for (const [key, value] of Object.entries({
      url: "https://git.example.com/ada/cellar.git",
      knownHost: "git.example.com ssh-ed25519 AAAA",
      key: { identityFile: "~/.ssh/id" },
    })) {
      const [place, expected] = app({ forge: true, [key]: value })
      expect([place, expected]).toEqual([`git.app.${key}`, expect.stringContaining("together with forge: ")])
    }
    expect(bottle({ verify: "maybe" })).toEqual(["verify", "expected required"])
    expect(bottle({ image: "i", build: "." })).toEqual(["build", "either image or build, not both"])
    for (const build of ["", 1, "a\nb", { dockerfile: "D" }, { context: ".", args: {} }])
      expect(bottle({ build })[0]).toMatch(/^build/)
  })

  it("refuses values that no engine could keep, or would take for something else", () => {
    for (const image of ["", "-v", "--privileged", "a b", "a\n"]) expect(bottle({ image })[0]).toBe("image")
    for (const user of ["", "-u", "0:0:0", "a b", -1, 1.5, true]) expect(bottle({ user })[0]).toBe("user")
    for (const workdir of ["", "x", "/a:b", "/a,b", "/a\n"]) expect(bottle({ workdir })[0]).toBe("workdir")
    for (const timeout of ["0 seconds", "-5 minutes", "Infinity", "5"])
      expect(bottle({ limits: { timeout } })[0]).toBe("limits.timeout")
    for (const memory of ["0", "-1g", "1.5g", "9".repeat(20), 0, 1.5])
      expect(bottle({ limits: { memory } })[0]).toBe("limits.memory")
    for (const cpus of [0, -1, Infinity, NaN, "2"])
      expect(bottle({ limits: { cpus } })[0]).toBe("limits.cpus")
    expect(
      bottle({ image: "registry:5000/a/b:1@sha256:00", user: "node:node", workdir: "/srv/my app" }),
    ).toBe("accepted")
  })

  it("never repeats a value, which may be a secret in the wrong place", () => {
    const secret = "sk-very-secret"
    for (const value of [
      { routes: { a: { upstream: "u", header: "h", secret } } },
      { routes: { a: secret } },
      { egress: { allow: secret } },
      { limits: { memory: secret, timeout: secret } },
      { env: { A: { value: secret } } },
      { git: { a: { url: "u", key: { provider: secret } } } },
      secret,
      [secret],
    ])
      expect(JSON.stringify(bottle(value))).not.toContain(secret)
  })

  it("refuses __proto__ at any depth rather than dropping it", () => {
    expect(bottle(JSON.parse('{"__proto__":{"image":"x"}}'))).toEqual(["__proto__", "unknown key"])
    expect(bottle(JSON.parse('{"env":{"__proto__":"x"}}'))).toEqual(["env.__proto__", "unknown key"])
    expect(bottle(JSON.parse('{"egress":{"allow":[{"host":"h","__proto__":{}}]}}'))[0]).toBe(
      "egress.allow.0.__proto__",
    )
    expect(bottle(JSON.parse('{"constructor":1}'))[0]).toBe("constructor")
  })

  it("quotes a key that would steer a terminal", () => {
    const [key] = bottle({ "\u001b[2J": 1 })
    expect(key).toBe('"\\u001b[2J"')
  })
})

describe("projectProblem", () => {
  const problem = (value: unknown) =>
    Option.map(projectProblem("b.yaml", Effect.runSync(decodeBottle("b.yaml", value))), (error) => error.key)

  it("names the first key that a project's own manifest may not have", () => {
    const route = { upstream: "u", header: "h", secret: { env: "AWS_SECRET_ACCESS_KEY" } }
    expect(problem({ build: "." })).toEqual(Option.some("build"))
    expect(problem({ backend: "host" })).toEqual(Option.some("backend"))
    expect(problem({ routes: { a: route } })).toEqual(Option.some("routes.a.secret"))
    expect(problem({ egress: { allow: ["a", { host: "b", private: true }] } })).toEqual(
      Option.some("egress.allow.1.private"),
    )
    expect(problem({ git: { a: { url: "u", key: { identityFile: "~/.ssh/id" } } } })).toEqual(
      Option.some("git.a.key.identityFile"),
    )
    expect(problem({ git: { a: { url: "u", key: { provider: "gitea" }, private: true } } })).toEqual(
      Option.some("git.a.private"),
    )
  })

  it("lets the rest pass", () => {
    expect(
      problem({
        image: "i",
        env: { A: "1" },
        egress: { allow: ["a", { host: "b", private: false }] },
        git: { a: { url: "u", key: { provider: "gitea" } } },
      }),
    ).toEqual(Option.none())
  })
})

describe("agentNotFound", () => {
  it("lists what there is, and says what to do", () => {
    expect(agentNotFound("x", { folder: "/h/agents", names: [] }).message).toBe(
      'no agent "x": there is no agent in /h/agents: "bot-bottle init" writes an example',
    )
    expect(agentNotFound("x", { folder: "/h/agents", names: ["a", "b"] }).hint).toContain("known are a, b;")
    expect(agentNotFound("x", { folder: "/h/agents", names: ["a"], untrusted: "/p/x.md" }).hint).toContain(
      'run "bot-bottle trust"',
    )
  })
})
