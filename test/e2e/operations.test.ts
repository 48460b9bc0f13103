/** docs/operations.md, followed from top to bottom: each block of commands that does not say "read, not run". */
import { spawn } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { decodeConfiguration } from "../../src/domain/orchestrator/ConfigurationFile.ts"
import { parseYaml } from "../../src/layers/manifests/yaml.ts"
import { bin, shellAgent } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"
import { HOOK_SECRET, makeServed, SERVED_TOKEN } from "../support/served.ts"

const checkout = new URL("../..", import.meta.url).pathname
const text = readFileSync(join(checkout, "docs/operations.md"), "utf8")

/** A block of the document, with its heading, the paragraph before it, and its mark. */
interface Block {
  readonly below: string
  readonly before: string
  readonly mark: string | undefined
  readonly block: string
}
const blocks: ReadonlyArray<Block> = (() => {
  const found: Array<Block> = []
  let below = ""
  for (const { 1: heading, 2: mark, 3: block = "", index } of text.matchAll(
    /^#+ ([^\n]*)$|(?:^<!-- ([^\n]*) -->\n)?^```\w*\n(.*?)^```$/gms,
  ))
    if (heading !== undefined) below = heading
    else found.push({ below, before: text.slice(0, index).trimEnd().split("\n\n").at(-1) ?? "", mark, block })
  return found
})()

it("each block of docs/operations.md is run, here or by another test, or says that it was read", () => {
  const odd = blocks.filter(({ mark = "", before }) => {
    const elsewhere = /^run by (\S+)$/.exec(mark)?.[1]
    if (elsewhere !== undefined) return !existsSync(join(checkout, elsewhere))
    return /read, not run/i.test(before) ? mark !== "read" : mark !== "run"
  })
  expect(odd).toEqual([])
  const run = blocks.filter(({ mark }) => mark === "run").map(({ below }) => below)
  expect([...new Set(run)]).toEqual(Object.keys(steps))
})

type Served = Awaited<ReturnType<typeof makeServed>>
let served: Served
/** The service's own bottle, one that works, and a frozen one. */
const slugs = { served: "", working: "", frozen: "" }
let collector: Awaited<ReturnType<typeof collect>>

/** A collector of traces that counts what it gets. */
const collect = async () => {
  let received = 0
  const server = createServer((request, response) => {
    if (request.url === "/v1/traces") received += 1
    request.resume().on("end", () => response.end("{}"))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => received,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

const root = () => join(served.cli.home, "..")
/** A shell like an operator's, with `bot-bottle` in its PATH. */
const shell = (script: string) => {
  const child = spawn("sh", ["-ec", script], {
    cwd: served.cli.cwd,
    env: { PATH: `${root()}:${process.env["PATH"]}`, HOME: root(), BOT_BOTTLE_HOME: served.cli.home },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk))
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk))
  const result = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, stdout, stderr })),
  )
  return { result, stderr: () => stderr, end: () => process.kill(-(child.pid ?? 0), "SIGTERM") }
}
const done = async (script: string): Promise<string> => {
  const { code, stdout, stderr } = await shell(script).result
  expect([code, stderr]).toEqual([0, stderr])
  return stdout
}
const listed = async (home: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    JSON.parse(await done(`BOT_BOTTLE_HOME=${home} bot-bottle list --json`)).map(
      ({ slug, state }: { slug: string; state: string }) => [slug, state],
    ),
  )
/** The service as a block starts it, until `use` is over. */
const during = async (script: string, use: (said: () => string) => Promise<void>) => {
  const service = shell(script)
  try {
    await expect.poll(service.stderr).toMatch(/^serving/m)
    await use(service.stderr)
  } finally {
    service.end()
    await service.result
  }
}

/** What is done with the blocks below a heading: names and addresses of this test are put in, and the outcome is compared. */
const steps: Record<string, (block: string) => Promise<void>> = {
  "Back-up": async (block) => {
    const restored = join(root(), "srv")
    await done(block.replace("/srv/bot-bottle", restored))
    expect(await listed(restored)).toMatchObject({ [slugs.frozen]: "frozen" })
  },
  Sidecars: async (block) => {
    const [run = ""] = readdirSync(join(served.cli.home, "run"))
    expect(JSON.parse(await done(block.replace("<5>", run)))).toMatchObject({ slug: slugs.working })
  },
  "Is all there?": async (block) => {
    expect(await done(block)).toMatch(/^neck +ok /m)
  },
  Traces: (block) =>
    during(block.replace("http://127.0.0.1:4318", collector.url), async (said) => {
      served.hook(/^webhooks: (\S+)$/m.exec(said())?.[1] ?? "")
      await served.target()
      await expect.poll(said).toMatch(/#17: frozen$/m)
      await expect.poll(collector.received).toBeGreaterThan(0)
      const all = await listed(served.cli.home)
      slugs.served = Object.keys(all).find((slug) => slug.startsWith("worker-")) ?? "no-slug"
    }),
  Provenance: async (block) => {
    expect(await done(block.replace("SLUG", slugs.served))).toMatch(/^ok: /)
  },
  "As a systemd service": async (block) => {
    // What the unit starts, with the credentials that systemd would pass.
    const credentials = join(root(), "credentials")
    mkdirSync(credentials)
    const secrets = { token: SERVED_TOKEN, hook: HOOK_SECRET, operator: "operator-0123456789" }
    for (const [name, secret] of Object.entries(secrets))
      writeFileSync(join(credentials, name), secret, { mode: 0o600 })
    const file = `${block
      .replace("https://git.example.org/api/v1", served.forge.apiUrl)
      .replaceAll(
        "/run/credentials/bot-bottle.service",
        credentials,
      )}listen: 127.0.0.1:0\nrepositories: { ada/*: {} }\n`
    await Effect.runPromise(Effect.flatMap(parseYaml("file", file), (it) => decodeConfiguration("file", it)))
    const unit = readFileSync(join(checkout, "examples/deploy/bot-bottle.service"), "utf8")
    const command = /^ExecStart=\/usr\/local\/bin\/(.*)$/m.exec(unit)?.[1] ?? ""
    served.cli.write("orchestrator.yaml", file)
    await during(command, async (said) => {
      const url = new URL("/metrics", /^webhooks: (\S+)$/m.exec(said())?.[1])
      const asked = await fetch(url, { headers: { authorization: `Bearer ${secrets.operator}` } })
      expect([asked.status, await asked.text()]).toEqual([200, expect.stringContaining("bot_bottle_")])
    })
  },
  "Cleaning up": async (block) => {
    if (block.startsWith("docker")) {
      expect(await done(block)).toMatch(new RegExp(`${slugs.working}[^]*${slugs.frozen}`))
    } else if (block.includes("destroy")) {
      expect(await done(block.replace("SLUG", slugs.served))).toContain(slugs.served)
      expect(Object.keys(await listed(served.cli.home)).toSorted()).toEqual(
        [slugs.frozen, slugs.working].toSorted(),
      )
    } else {
      await done(block)
      expect(await listed(served.cli.home)).toEqual({ [slugs.frozen]: "frozen", [slugs.working]: "running" })
    }
  },
  "Deploy keys that are left": async (block) => {
    writeFileSync(join(root(), "bot.token"), SERVED_TOKEN, { mode: 0o600 })
    await done(block.replace("https://git.example.org/api/v1", served.forge.apiUrl))
    expect(
      existsSync(join(served.cli.home, "keys")) ? readdirSync(join(served.cli.home, "keys")) : [],
    ).toEqual([])
  },
}

describeDocker("the steps of docs/operations.md, one after the other", () => {
  beforeAll(async () => {
    collector = await collect()
    served = await makeServed(
      {},
      {
        agent: shellAgent("forge signal-done success mended"),
        bottle: `image: ${await demoImageForTests()}\n`,
      },
    )
    writeFileSync(join(root(), "bot-bottle"), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`, {
      mode: 0o755,
    })
    // The document has the home at its default place, and for its owner alone.
    chmodSync(served.cli.home, 0o700)
    symlinkSync(served.cli.home, join(root(), ".bot-bottle"))
    served.cli.write("agents/sleeper.md", shellAgent("exec sleep 600"))
    slugs.frozen = (await done("bot-bottle start worker -d --headless --prompt x --label kept")).trim()
    await vi.waitFor(
      async () => expect(await listed(served.cli.home)).toEqual({ [slugs.frozen]: "exited" }),
      { timeout: 120_000 },
    )
    await done(`bot-bottle freeze ${slugs.frozen}`)
    slugs.working = (await done("bot-bottle start sleeper -d --headless --prompt x --label busy")).trim()
  })
  afterAll(async () => {
    await served.stop()
    await collector.close()
  })

  // They are one walk: each needs what was left by those before it.
  it.sequential("do what the document says", async () => {
    for (const { below, mark, block } of blocks) if (mark === "run") await steps[below]?.(block)
  })

  it("leave nothing once every bottle is destroyed, as the document says for a removal", async () => {
    const id = readFileSync(join(served.cli.home, "installation"), "utf8").trim()
    await done(`bot-bottle destroy ${slugs.frozen} ${slugs.working}`)
    const filter = ["--filter", `label=bot-bottle.installation=${id}`]
    expect([docker("ps", "-aq", ...filter), docker("images", "-q", ...filter)]).toEqual(["", ""])
  })
})
