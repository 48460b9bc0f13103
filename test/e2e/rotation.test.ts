/** A long run whose secrets change while it works: the real command line, sidecar, commands and agent. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { startForge } from "../support/forge.ts"

const token = (name: string) => `${name}-token-7Hq2Lm40XwPo93`
const [A, B, C] = ["first", "second", "third"].map(token)

const cli = makeCli()
/** What each path of the service takes now. */
const taken: Record<string, string | undefined> = { "/printed": A, "/filed": A }
let service: Server
let forge: Awaited<ReturnType<typeof startForge>>

const at = (name: string) => join(cli.cwd, name)
const put = (name: string, text = "") => writeFileSync(at(name), text, { mode: 0o600 })
const untilThere = (name: string) => expect.poll(() => existsSync(at(name))).toBe(true)

/** At each step it calls both routes; after the last it tries to post what it is handed. */
const agent = `
dir='${cli.cwd}'
for step in 1 2 3; do
  until [ -e "$dir/go-$step" ]; do sleep 0.05; done
  node -e '
    const ask = (base, path) => fetch(base + path, { method: "POST", body: "{}" }).then(({ status }) => status)
    Promise.all([ask(process.env.BOT_BOTTLE_ROUTE_PRINTED, "/printed"), ask(process.env.BOT_BOTTLE_ROUTE_FILED, "/filed")])
      .then((seen) => console.log("step", ...seen))'
  : >"$dir/done-$step"
done
while read -r leak; do
  printf 'I found %s' "$leak" | forge post-comment 17 >/dev/null 2>&1 && echo posted || echo refused
done <"$dir/leaks"
printf 'harmless' | forge post-comment 17 && forge signal-done success rotated`

beforeAll(async () => {
  forge = await startForge()
  service = createServer((request, response) => {
    const isTaken = request.headers.authorization === `Bearer ${taken[request.url ?? ""]}`
    request.resume().on("end", () => response.writeHead(isTaken ? 200 : 401).end("{}"))
  })
  await new Promise<void>((listening) => service.listen(0, "127.0.0.1", listening))
})

afterAll(async () => {
  for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout))
    await cli.run(["destroy", String(slug)])
  cli.remove()
  service.close()
  await forge.stop()
})

it("a run goes on when its tokens change, and can post none of those that it has had", async () => {
  const route = `upstream: "http://127.0.0.1:${(service.address() as AddressInfo).port}", header: Authorization, scheme: Bearer, private: true`
  const script = JSON.stringify(`echo x >>'${at("runs")}'; cat '${at("printed")}'`)
  cli.write(
    "bottles/plain.yaml",
    `backend: host
routes:
  printed: { ${route}, secret: { command: [sh, -c, ${script}], ttl: 1h } }
  filed: { ${route}, secret: { file: ${at("filed")} } }
`,
  )
  cli.write("agents/worker.md", shellAgent(agent))
  put("printed", A)
  put("filed", A)
  put("leaks", [A, B, C, ""].join("\n"))
  const run = cli.start(["orchestrate", "start", "--agent", "worker", "--prompt", "Go"], { env: forge.env })
  put("go-1")
  await untilThere("done-1")
  put("printed", B)
  put("filed", B)
  taken["/printed"] = B
  taken["/filed"] = B
  put("go-2")
  await untilThere("done-2")
  put("filed", C)
  taken["/filed"] = C
  put("go-3")
  const { code, stdout, stderr } = await run.result
  expect([code, stdout.match(/^(?:step .*|posted|refused)$/gm)]).toEqual([
    0,
    ["step 200 200", "step 200 200", "step 200 200", "refused", "refused", "refused"],
  ])
  expect(forge.comments(17).map(({ body }) => body)).toEqual(["harmless"])
  // Once for the check and the launch together, and once after the refusal.
  expect(readFileSync(at("runs"), "utf8")).toBe("x\nx\n")
  const slug = /^bottle (\S+)$/m.exec(stderr)?.[1] ?? ""
  const log = readFileSync(join(cli.home, "state", slug, "operations.jsonl"), "utf8")
  expect(log).toContain('"op":"secret","target":"printed authorization","outcome":"ok"')
  for (const secret of [A, B, C]) expect(stdout + stderr + log).not.toContain(secret)
})

it("a command of a repository's own manifests is not run, and its manifests cannot be trusted", async () => {
  const ran = at("ran")
  mkdirSync(at(".bot-bottle/bottles"), { recursive: true })
  mkdirSync(at(".bot-bottle/agents"), { recursive: true })
  put(
    ".bot-bottle/bottles/theirs.yaml",
    `routes: { x: { upstream: "https://api.example", header: a, secret: { command: [touch, ${ran}], ttl: 1s } } }\n`,
  )
  put(".bot-bottle/agents/theirs.md", shellAgent("true", "theirs"))
  const trusted = await cli.run(["trust", "--yes"])
  expect([trusted.code === 0, trusted.stderr]).toEqual([false, expect.stringContaining("routes.x.secret")])
  for (const args of [
    ["start", "theirs", "--headless", "--prompt", "x"],
    ["start", "theirs", "--headless", "--prompt", "x", "--dry-run"],
    ["start", "worker", "--headless", "--prompt", "x", "--bottle", "theirs"],
  ])
    expect((await cli.run(args)).code).not.toBe(0)
  expect(existsSync(ran)).toBe(false)
})

it("what a command of the operator runs is shown by the plan before it runs, and a failure by its exit code alone", async () => {
  const leak = token("leak")
  cli.write(
    "bottles/failing.yaml",
    `backend: host
routes:
  x: { upstream: "https://api.example", header: a, secret: { command: [sh, -c, "echo ${leak} | tee /dev/stderr; exit 9"], ttl: 10m } }
`,
  )
  cli.write("agents/failing.md", shellAgent("true", "failing"))
  const args = ["start", "failing", "--headless", "--prompt", "x"]
  const plan = await cli.run([...args, "--dry-run"])
  expect(plan.stdout).toMatch(/from command \["sh","-c",".*"\] on this machine, every 10m/)
  const failed = await cli.run(args)
  expect([failed.code === 0, failed.stderr]).toEqual([
    false,
    expect.stringContaining('route "x": the command sh ended with 9'),
  ])
  expect(failed.stdout + failed.stderr).not.toContain(leak)
  expect(JSON.parse((await cli.run(["list", "--json"])).stdout)).not.toContainEqual(
    expect.objectContaining({ agent: "failing" }),
  )
})
