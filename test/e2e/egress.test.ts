/** Egress as an agent in a real bottle meets it: the bundled bin, a real engine, a sidecar process, TLS servers on loopback. */
import { Effect, Exit, Scope } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { tlsServer } from "../support/egress.ts"
import { demoImageForTests } from "../support/images.ts"

const cli = makeCli()
const scope = Effect.runSync(Scope.make())

/** Runs in the bottle: asks the proxy of its environment for a tunnel, speaks TLS through it, and tells what came. */
const CLIENT = `
const net = require("net"), tls = require("tls")
const proxy = new URL(process.env.HTTPS_PROXY)
const go = (target, name) => new Promise((done) => {
  const socket = net.connect(proxy.port, proxy.hostname)
  socket.on("error", (error) => done(error.code))
  socket.write("CONNECT " + target + " HTTP/1.1\\r\\nhost: " + target + "\\r\\n\\r\\n")
  socket.once("data", (head) => {
    if (!String(head).startsWith("HTTP/1.1 200 ")) return done(String(head).split("\\r\\n\\r\\n")[1].trim())
    const secure = tls.connect({ socket, servername: name, rejectUnauthorized: false }, () => secure.end("from inside"))
    secure.on("data", (data) => done("echo: " + data))
    secure.on("error", (error) => done(error.code))
  })
})
const tries = process.argv.slice(1)
;(async () => {
  for (const one of tries) console.log(await go(...one.split("=")))
})()`

describeDocker("egress of a bottle on a real engine", () => {
  let port = 0
  beforeAll(async () => {
    const server = await Effect.runPromise(Scope.extend(tlsServer(["localhost"]), scope))
    port = server.port
    cli.write(
      "bottles/out.yaml",
      `image: ${await demoImageForTests()}\negress:\n  allow:\n    - {host: localhost, port: ${port}, private: true}\n    - {host: metadata.example, port: ${port}}\n`,
    )
  })
  afterAll(async () => {
    const all = JSON.parse((await cli.run(["list", "--json"])).stdout) as ReadonlyArray<{ slug: string }>
    for (const { slug } of all) await cli.run(["destroy", slug])
    cli.remove()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  })

  it("leads to the host that its manifest lists, and to nothing else; and so it does after a freeze", async () => {
    const tries = [
      `LOCALHOST.:${port}=localhost`,
      `localhost:${port}=evil.example`,
      `127.0.0.1:${port}=localhost`,
      `2130706433:${port}=localhost`,
      `[::ffff:127.0.0.1]:${port}=localhost`,
      "localhost:443=localhost",
      "192.0.2.1:443=localhost",
      "example.invalid:443=example.invalid",
      "169.254.169.254:80=localhost",
    ]
    const command = ["node", "-e", CLIENT, "--", ...tries]
    cli.write(
      "agents/out.md",
      `---\nprovider: command\nbottle: out\ncommand: ${JSON.stringify(command)}\n---\nGo out.\n`,
    )
    const denied = (target: string) => `egress to ${target} denied: it is not on this bottle's allow-list`
    const expected = [
      "echo: from inside",
      "ERR_SSL_TLSV1_UNRECOGNIZED_NAME",
      denied(`127.0.0.1:${port}`),
      denied(`127.0.0.1:${port}`),
      denied(`[::ffff:7f00:1]:${port}`),
      denied("localhost:443"),
      denied("192.0.2.1:443"),
      denied("example.invalid:443"),
      denied("169.254.169.254:80"),
    ]
    const first = await cli.run(["start", "out", "--headless", "--prompt", "Go"])
    expect([first.code, first.stderr]).toEqual([0, expect.stringMatching(/^bottle /m)])
    expect(first.stdout.trim().split("\n").map(sameError)).toEqual(expected)
    const slug = /^bottle (\S+)$/m.exec(first.stderr)?.[1] ?? ""
    expect((await cli.run(["freeze", slug])).code).toBe(0)
    const second = await cli.run(["resume", slug, "--headless", "--prompt", "Again"])
    expect(second.stdout.trim().split("\n").map(sameError)).toEqual(expected)
    const log = readFileSync(join(cli.home, "state", slug, "operations.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ op }) => op === "egress")
    expect(log.filter(({ outcome }) => outcome === "rejected")).toHaveLength(16)
    expect((await cli.run(["provenance", "verify", slug])).code).toBe(0)
  })
})

/** Versions of node name the alert in different ways. */
const sameError = (line: string): string =>
  line.replace(/^ERR_SSL_\S*UNRECOGNIZED_NAME$/, "ERR_SSL_TLSV1_UNRECOGNIZED_NAME")
