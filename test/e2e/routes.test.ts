/** A route as an agent in a real bottle uses it: a model API on the host, its key in the operator's environment. */
import { execFileSync } from "node:child_process"
import { readFileSync, readdirSync } from "node:fs"
import { type Server, createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"

const KEY = "sk-real-0123456789abcdefghij"
const cli = makeCli()
const seen: Array<Record<string, unknown>> = []
let model: Server

const nodeAgent = (script: string): string =>
  `---\nprovider: command\nbottle: routed\ncommand: ${JSON.stringify(["node", "-e", script])}\n---\n`

const bottle = async (more: string) => {
  const { port } = model.address() as AddressInfo
  const route = `upstream: "http://127.0.0.1:${port}", header: Authorization, scheme: Bearer, allow: ["POST /v1/*"]`
  cli.write(
    "bottles/routed.yaml",
    `image: ${await demoImageForTests()}\nroutes:\n  my-api: {${route}, secret: {env: MODEL_KEY}${more}}\n`,
  )
}

describeDocker("an agent behind a route", () => {
  beforeAll(async () => {
    model = createServer((request, response) => {
      let body = ""
      request.on("data", (chunk) => (body += String(chunk)))
      request.on("end", () => {
        const { authorization, "x-api-key": own } = request.headers
        seen.push({ url: request.url, authorization, own, body })
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write("data: one\n\n")
        response.end("data: two\n\n")
      })
    })
    await new Promise<void>((listening) => model.listen(0, "127.0.0.1", listening))
  })
  afterAll(async () => {
    for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout)) {
      await cli.run(["destroy", String(slug)])
    }
    cli.remove()
    model.close()
  })

  it("asks its model with a key that it never sees, and gets no further", async () => {
    await bottle(", private: true")
    cli.write(
      "agents/asker.md",
      nodeAgent(`(async () => {
        const base = process.env.BOT_BOTTLE_ROUTE_MY_API
        const ask = (path, method) => fetch(base + path, { method, body: method === "POST" ? "hello" : undefined,
          headers: { authorization: "Bearer placeholder", "x-api-key": "placeholder" } })
        const answer = await ask("/v1/ask?x=1", "POST")
        console.log(base, answer.status, (await answer.text()).replace(/\\s+/g, " "))
        for (const [path, method] of [["/v1/ask", "GET"], ["/v2/files", "POST"]]) {
          const denied = await ask(path, method)
          console.log(denied.status, (await denied.text()).trim())
        }
        console.log(JSON.stringify(process.env))
      })()`),
    )
    const args = ["start", "asker", "--headless", "--prompt", "x"]
    const { code, stdout, stderr } = await cli.run(args, { env: { MODEL_KEY: KEY } })
    expect(stderr).toMatch(/^bottle (\S+)$/m)
    expect(stdout).toContain("http://127.0.0.1:7317/route/my-api 200 data: one data: two")
    expect(stdout).toContain(
      "403 GET /v1/ask denied: route my-api does not allow it\n403 POST /v2/files denied",
    )
    expect(code).toBe(0)
    expect(seen).toEqual([
      { url: "/v1/ask?x=1", authorization: `Bearer ${KEY}`, own: undefined, body: "hello" },
    ])

    const slug = /^bottle (\S+)$/m.exec(stderr)?.[1] ?? ""
    const box = execFileSync("docker", ["ps", "-a", "-q", "--filter", `name=${slug}`], { encoding: "utf8" })
    const inspected = execFileSync("docker", ["inspect", box.trim()], { encoding: "utf8" })
    const files = readdirSync(cli.home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    expect([stdout, stderr, inspected, ...files].some((text) => text.includes(KEY))).toBe(false)
    const log = readFileSync(join(cli.home, "state", slug, "operations.jsonl"), "utf8")
    expect(log).toContain('"op":"route","target":"my-api POST /v1/ask"')
    expect((await cli.run(["provenance", "verify", slug])).stdout).toMatch(/^ok: \S+: 4 lines/)
  })

  it("is not started without its key, or to an address that is private without being said so", async () => {
    const start = (env: Record<string, string>) =>
      cli.run(["start", "asker", "--headless", "--prompt", "x", "--label", "refused"], { env })
    const keyless = await start({})
    expect(keyless.stderr).toMatch(/route "my-api": .*MODEL_KEY, which is not set/)
    await bottle("")
    const open = await start({ MODEL_KEY: KEY })
    expect(open.stderr).toMatch(/route "my-api": upstream: plain http needs private: true/)
    expect([keyless.code, open.code].every((code) => code !== 0)).toBe(true)
    expect(keyless.stderr + open.stderr).not.toContain(KEY)
    expect((await cli.run(["list", "--json"])).stdout).not.toContain("refused")
  })
})
