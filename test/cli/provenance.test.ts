/** Provenance as an operator and an auditor use it: made by hand-driven commands, kept after destroy, verified elsewhere. */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import SqliteDatabase from "better-sqlite3"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { offline } from "../../src/cli/lazy/provenance.ts"
import { verifyExport } from "../../src/programs/verifyProvenance.ts"
import { makeCli, shellAgent } from "../support/cli.ts"

const cli = makeCli()
const home = (...path: ReadonlyArray<string>) => join(cli.home, ...path)
const place = mkdtempSync(join(cli.cwd, "auditor-"))
const at = (name: string) => join(place, name)
const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"
/** Each call leaves lines in the operation log. */
const agent = shellAgent(
  `curl -s http://nowhere.example/ >/dev/null; curl -s http://other.example/ >/dev/null; exit 3`,
)

/** A bottle of two runs, destroyed, and its exported file. */
let slug = ""
let exported = ""
let publicKey = ""

beforeAll(async () => {
  cli.write("bottles/plain.yaml", "backend: host\negress: { allow: [{ host: api.example }] }\n")
  cli.write("agents/worker.md", agent)
  const first = await cli.run(["start", "worker", "--headless", "--prompt", "x"])
  expect([first.code, first.stderr]).toEqual([3, expect.stringMatching(/^bottle /m)])
  slug = slugIn(first.stderr)
  expect((await cli.run(["resume", slug, "--headless", "--prompt", "y"])).code).toBe(3)
  expect(await cli.run(["destroy", slug])).toMatchObject({ code: 0 })
  exported = at("exported.jsonl")
  expect(await cli.run(["provenance", "export", slug, exported])).toMatchObject({ code: 0, stderr: "" })
  publicKey = at("key.pem")
  writeFileSync(publicKey, (await cli.run(["provenance", "key"])).stdout)
})
afterAll(() => cli.remove())

const verifyFile = (file: string, key = publicKey) =>
  cli.run(["provenance", "verify", "--file", file, "--public-key", key, "--json"], {
    env: { BOT_BOTTLE_HOME: at("no-home") },
  })
const python = (file: string, key = publicKey) => {
  const script = new URL("../../examples/verify_provenance.py", import.meta.url).pathname
  const { status, stdout, stderr } = spawnSync("python3", [script, file, key], { encoding: "utf8" })
  return { status, said: `${stdout}${stderr}`.trim() }
}
/** The lines as a log that nobody changed has them. */
const chained = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  let prev = "0".repeat(64)
  return lines.map((line) => {
    if (line === "") return line
    const { hash: _, ...entry } = JSON.parse(line)
    const text = JSON.stringify({ ...entry, prev })
    prev = createHash("sha256").update(text).digest("hex")
    return `${text.slice(0, -1)},"hash":"${prev}"}`
  })
}
/** The parts of the exported file, changed and written to another one. */
const altered = (
  name: string,
  change: (header: { statements: Array<unknown>; slug: string }, log: Array<string>) => void,
): string => {
  const [first = "", ...log] = readFileSync(exported, "utf8").split("\n")
  const header = JSON.parse(first)
  change(header, log)
  writeFileSync(at(name), [JSON.stringify(header), ...log].join("\n"))
  return at(name)
}

describe("the provenance of a destroyed bottle", () => {
  it("names runs, exits, calls and hosts, and is whole", async () => {
    expect(existsSync(home("state", slug))).toBe(false)
    expect(await cli.run(["provenance", "verify", slug])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`^ok: ${slug}: \\d+ lines`)),
    })
    const runs = JSON.parse((await cli.run(["provenance", "show", slug, "--json"])).stdout)
    expect(runs).toMatchObject([
      { statement: { predicate: { run: 1, previousRun: null, exit: { code: 3 }, agent: "worker" } } },
      { statement: { predicate: { run: 2, previousRun: 1, exit: { code: 3 } } } },
    ])
    const digest = (path: string) =>
      createHash("sha256")
        .update(readFileSync(home(path)))
        .digest("hex")
    for (const { statement } of runs)
      expect(statement.predicate.launched).toMatchObject({
        manifests: [
          { kind: "agent", name: "worker", sha256: digest("agents/worker.md") },
          { kind: "bottle", name: "plain", sha256: digest("bottles/plain.yaml") },
        ],
        trigger: { by: "caller" },
      })
    expect(runs[1].statement.predicate.counts).toMatchObject({
      calls: { egress: { ok: 0, rejected: 2, failed: 0 } },
      egress: { "nowhere.example:80": { rejected: 1 }, "other.example:80": { rejected: 1 } },
    })
  })

  it("is signed by a key that nobody else can read", () => {
    expect(statSync(home("signing", "key.pem")).mode & 0o777).toBe(0o600)
    expect(statSync(home("signing")).mode & 0o777).toBe(0o700)
  })

  it("is verified from one file with the public key alone, by bot-bottle and by Python and openssl", async () => {
    expect(JSON.parse((await verifyFile(exported)).stdout)).toMatchObject({
      ok: true,
      slug,
      runs: [{ run: 1 }, { run: 2 }],
      unsignedLines: 0,
    })
    expect(existsSync(at("no-home"))).toBe(false)
    expect(python(exported)).toEqual({ status: 0, said: `ok: ${slug}, 2 runs` })
  })

  it("is found broken when its tail is cut off, a line is changed, or a run is swapped, left out or foreign", async () => {
    const other = slugIn((await cli.run(["start", "worker", "--headless", "--prompt", "x"])).stderr)
    await cli.run(["provenance", "export", other, at("other.jsonl")])
    const foreign = JSON.parse(readFileSync(at("other.jsonl"), "utf8").split("\n")[0] ?? "").statements[0]
    const wrong: ReadonlyArray<readonly [name: string, problem: RegExp, Parameters<typeof altered>[1]]> = [
      ["cut-off", /vouches for 4 lines, but the log was cut off/, (_, log) => void log.splice(-2, 1)],
      [
        "changed",
        /was changed: .*\n.*run 1\) does not match the lines/,
        (_, log) => void log.splice(1, 1, log[1]?.replace("rejected", "accepted") ?? ""),
      ],
      [
        "changed, with all hashes made anew",
        /^statement 1 \(run 1\) does not match the lines of the log\n/,
        (_, log) => {
          const [first = "", second = "", ...rest] = log
          log.splice(0, log.length, ...chained([first, second.replace("rejected", "accepted"), ...rest]))
        },
      ],
      [
        "spaces",
        /cut off or changed|other lines/,
        (_, log) => void log.splice(0, 1, log[0]?.replace(":", ": ") ?? ""),
      ],
      [
        "swapped",
        /in another order/,
        ({ statements }) => void statements.splice(0, 2, ...statements.toReversed()),
      ],
      ["first left out", /follows run 1, and not the beginning/, ({ statements }) => void statements.shift()],
      ["last left out", /no statement covers the last 2 lines/, ({ statements }) => void statements.pop()],
      ["of another bottle", /is about bottle/, ({ statements }) => void statements.splice(0, 1, foreign)],
      ["under another name", /is about bottle/, (header) => void (header.slug = other)],
      ["without statements", /it contains no statement/, ({ statements }) => void statements.splice(0)],
      ["longer", /no statement covers the last 1 lines/, (_, log) => void log.splice(-1, 0, "{}")],
    ]
    for (const [name, problem, change] of wrong) {
      const file = altered(name, change)
      const pem = readFileSync(publicKey, "utf8")
      const { ok, problems } = await Effect.runPromise(
        verifyExport(file, [pem]).pipe(Effect.provide(offline)),
      )
      const text = problems.map((it) => it.problem).join("\n")
      expect([name, ok, text]).toEqual([name, false, expect.stringMatching(problem)])
      expect([name, python(file).status]).toEqual([name, 1])
    }
  })

  it("is found foreign when another key signed it, even if the file names that key", async () => {
    const { stdout } = spawnSync("openssl", ["genpkey", "-algorithm", "ed25519"], { encoding: "utf8" })
    writeFileSync(at("foreign.key"), stdout)
    spawnSync("openssl", ["pkey", "-in", at("foreign.key"), "-pubout", "-out", at("foreign.pem")])
    const result = await verifyFile(exported, at("foreign.pem"))
    expect([result.code, result.stdout]).toEqual([
      1,
      expect.stringContaining("not signed by an accepted key"),
    ])
    expect(python(exported, at("foreign.pem")).status).toBe(1)
    const own = altered("own-key", (header) =>
      Object.assign(header, { publicKeys: [readFileSync(at("foreign.pem"), "utf8")] }),
    )
    expect((await verifyFile(own, at("foreign.pem"))).code).toBe(1)
    expect(await cli.run(["provenance", "verify", "--file", exported])).toMatchObject({ code: 2 })
  })

  it("stays verifiable after the key was changed, and new runs are signed by the new key", async () => {
    const before = readFileSync(home("signing", "key.pem"), "utf8")
    const rotated = await cli.run(["provenance", "rotate", "--json"])
    const { id } = JSON.parse(rotated.stdout)
    expect(readFileSync(home("signing", "key.pem"), "utf8")).not.toBe(before)
    expect(readdirSync(home("signing", "public"))).toHaveLength(2)
    expect((await cli.run(["provenance", "verify", slug])).code).toBe(0)
    const next = slugIn((await cli.run(["start", "worker", "--headless", "--prompt", "x"])).stderr)
    const verdict = JSON.parse((await cli.run(["provenance", "verify", next, "--json"])).stdout)
    expect(verdict).toMatchObject({ ok: true, runs: [{ key: id }] })
  })

  it("is signed outside by a command, later when it fails, and never with a signature that is wrong", async () => {
    writeFileSync(at("sign.sh"), SIGN)
    chmodSync(at("sign.sh"), 0o755)
    const settings = `key: { command: ["${at("sign.sh")}", "${at("foreign.key")}"], public: "${at("foreign.pem")}" }\n`
    cli.write("provenance.yaml", settings.replace("foreign.key", "no-such.key"))
    const { stderr } = await cli.run(["start", "worker", "--headless", "--prompt", "x"])
    const unsigned = slugIn(stderr)
    expect(stderr).toMatch(/provenance of bottle .* is not complete yet: .*ended with/)
    expect(await cli.run(["destroy", unsigned])).toMatchObject({ code: 0 })
    expect(await cli.run(["provenance", "verify", unsigned])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("statement 1 is not signed yet"),
    })
    cli.write("provenance.yaml", settings.replace("foreign.pem", "key.pem"))
    expect((await cli.run(["start", "worker", "--headless", "--prompt", "x"])).stderr).toMatch(
      /printed no signature .* that its public key accepts/,
    )
    cli.write("provenance.yaml", settings)
    const env = { ANTHROPIC_API_KEY: "not-for-a-signer" }
    const signed = await cli.run(["start", "worker", "--headless", "--prompt", "x"], { env })
    expect(signed.stderr).not.toMatch(/is not complete yet/)
    expect(await cli.run(["provenance", "verify", unsigned])).toMatchObject({ code: 0 })
    await cli.run(["provenance", "export", unsigned, at("outside.jsonl")])
    expect(python(at("outside.jsonl"), at("foreign.pem")).status).toBe(0)
    expect(await cli.run(["provenance", "rotate"])).toMatchObject({ code: 125 })
  })

  it("is kept for its retention, as are outputs, and then removed by gc; a configuration that cannot be read keeps all", async () => {
    const ended = async () =>
      slugIn((await cli.run(["start", "worker", "--headless", "--prompt", "x"])).stderr)
    const daysAgo = (days: number) => Date.now() - days * 86_400_000
    const agedOutput = (of: string, days: number) => {
      const output = home("state", of, "output-1.log")
      writeFileSync(output, "old")
      utimesSync(output, daysAgo(days) / 1000, daysAgo(days) / 1000)
      return output
    }
    const kept = await ended()
    const output = agedOutput(kept, 31)
    const young = agedOutput(await ended(), 29)
    cli.write("agents/sleeper.md", shellAgent("echo asleep; exec sleep 600"))
    const working = cli.start(["start", "sleeper", "--headless", "--prompt", "x"])
    await expect.poll(working.stdout).toContain("asleep")
    const busy = agedOutput(slugIn(working.stderr()), 31)
    const recent = await ended()
    expect(await cli.run(["destroy", recent])).toMatchObject({ code: 0 })
    const database = new SqliteDatabase(home("bot-bottle.db"))
    const state = database.prepare("UPDATE provenance SET stated_ms = ? WHERE slug = ?")
    for (const [of, days] of [
      [slug, 366],
      [kept, 366],
      [recent, 364],
    ] as const)
      state.run(daysAgo(days), of)
    database.close()
    const removed = async () =>
      JSON.parse((await cli.run(["gc", "--json"])).stdout).map((it: { kind: string; slug: string }) => [
        it.kind,
        it.slug,
      ])
    cli.write("orchestrator.yaml", "retention: nonsense\n")
    expect(await removed()).toEqual([])
    expect([existsSync(output), existsSync(home("provenance", `${slug}.jsonl`))]).toEqual([true, true])
    rmSync(home("orchestrator.yaml"))
    expect(await removed()).toEqual([
      ["output", kept],
      ["provenance", slug],
    ])
    expect([existsSync(output), existsSync(home("provenance", `${slug}.jsonl`))]).toEqual([false, false])
    expect([existsSync(young), existsSync(busy)]).toEqual([true, true])
    expect((await cli.run(["provenance", "verify", recent])).code).toBe(0)
    await cli.run(["destroy", slugIn(working.stderr())])
    await working.result
    expect((await cli.run(["provenance", "verify", slug])).code).toBe(125)
    expect((await cli.run(["provenance", "verify", kept])).code).toBe(0)
    const { stdout } = await cli.run(["doctor", "--json"])
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({
        subject: "disk usage",
        detail: expect.stringMatching(/database [\d.]+ KiB.* operation logs of destroyed bottles [\d.]+ KiB/),
      }),
    )
    const shown = async () =>
      JSON.parse((await cli.run(["doctor", "--json"])).stdout).find(
        (it: { subject: string }) => it.subject === "retention",
      ).detail
    expect(await shown()).toMatch(/^outputs 30d, provenance of destroyed bottles 365d, frozen .* 30d, logs/)
  })
})

/** Signs its stdin with a key that bot-bottle does not have. */
const SIGN = `#!/bin/sh
[ -z "$ANTHROPIC_API_KEY" ] || exit 5
m=$(mktemp); trap 'rm -f "$m"' EXIT
cat >"$m"
openssl pkeyutl -sign -inkey "$1" -rawin -in "$m" >"$m.sig" || { rm -f "$m.sig"; exit 4; }
base64 -w0 "$m.sig"; rm -f "$m.sig"
`
