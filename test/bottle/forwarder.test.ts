/** Each forwarder, over real sockets: what goes in at the port comes out at the neck, whatever happens on either side. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import type { Server, Socket } from "node:net"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { packageFile } from "../../src/layers/home/packageRoot.ts"
import type { NeckTool } from "../support/tools.ts"
import { NECK_TOOLS, pathWith, realProgram } from "../support/tools.ts"
import { freePort } from "../support/freePort.ts"

const BIG = 8 * 1024 * 1024

/** A neck that answers the health check, and otherwise does what the first word it hears says. */
class Neck {
  readonly connections = new Set<Socket>()
  readonly path: string
  private server: Server | undefined

  constructor(path: string) {
    this.path = path
  }

  async listen(): Promise<void> {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.connections.add(socket)
      socket.on("close", () => this.connections.delete(socket))
      socket.on("error", () => socket.destroy())
      socket.once("data", (first) => this.answer(socket, first.toString("latin1")))
    })
    this.server.listen(this.path)
    await once(this.server, "listening")
  }

  private answer(socket: Socket, first: string): void {
    const word = first.split(/[ \n]/, 1)[0]
    if (word === "GET") socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok")
    else if (word === "BIG") socket.end(Buffer.alloc(BIG, "b"))
    else if (word === "ECHO") {
      socket.write(first)
      socket.pipe(socket)
    } else if (word === "COUNT") {
      let heard = first.length
      socket.on("data", (bytes) => (heard += bytes.length))
      socket.on("end", () => socket.end(`heard ${heard}`))
    } else if (word === "EARLY") {
      socket.write("too much")
      socket.destroySoon()
    } else if (word === "BREAK") {
      socket.write("x")
      socket.destroy()
    }
  }

  async close(): Promise<void> {
    const closed = this.server === undefined ? undefined : once(this.server, "close")
    this.server?.close()
    for (const socket of this.connections) socket.destroy()
    await closed
  }
}

const FILES: Record<NeckTool, ReadonlyArray<string>> = {
  perl: ["perl", "forwarder.pl"],
  python3: ["python3", "forwarder.py"],
  socat: ["sh", "forwarder.sh"],
  node: ["node", "forwarder.cjs"],
}

/** What is on the PATH of each. */
const PROGRAMS: Record<NeckTool, ReadonlyArray<string>> = {
  perl: ["perl"],
  python3: ["python3"],
  socat: ["socat", "sh", "sleep"],
  node: ["node"],
}

/** Starts a forwarder; answers all that it says before it lets go of its output. */
const start = async (tool: NeckTool, path: string, socket: string, port: number) => {
  const [program = "", file = ""] = FILES[tool]
  const child = spawn(join(path, program), [packageFile("bottle", file), socket, String(port)], {
    detached: true,
    env: { PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let said = ""
  child.stdout.on("data", (bytes) => (said += bytes))
  child.stderr.on("data", (bytes) => (said += bytes))
  await Promise.all([once(child.stdout, "close"), once(child.stderr, "close")])
  return {
    said: said.trim(),
    stop: () => {
      try {
        process.kill(-(child.pid ?? Number.NaN), "SIGKILL")
      } catch {}
    },
  }
}

const dial = async (port: number, first: string): Promise<Socket> => {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true })
  socket.on("error", () => socket.destroy())
  socket.write(first)
  await once(socket, "connect")
  return socket
}

const readAll = async (socket: Socket): Promise<Buffer> => {
  const pieces: Array<Buffer> = []
  socket.on("data", (piece) => pieces.push(piece))
  socket.resume()
  await new Promise((resolve) => {
    socket.once("end", resolve)
    socket.once("close", resolve)
  })
  socket.destroy()
  return Buffer.concat(pieces)
}

const ask = async (port: number, text: string, end = true): Promise<string> => {
  const socket = await dial(port, text)
  if (end) socket.end()
  return (await readAll(socket)).toString()
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let n = 0; n < 400 && !holds(); n++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(holds()).toBe(true)
}

for (const tool of NECK_TOOLS) {
  describe.skipIf(realProgram(tool) === undefined)(`forwarder by ${tool}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "bb-fwd-"))
    const path = pathWith(join(folder, "bin"), PROGRAMS[tool])
    const neck = new Neck(join(folder, "neck.sock"))
    let port = 0
    let forwarder: Awaited<ReturnType<typeof start>> | undefined

    beforeAll(async () => {
      port = await freePort()
      await neck.listen()
      forwarder = await start(tool, path, neck.path, port)
    })
    afterAll(async () => {
      forwarder?.stop()
      await neck.close()
      rmSync(folder, { recursive: true })
    })

    it("says that it is ready, and lets go of its output", () => {
      expect(forwarder?.said).toBe("ready")
    })

    it("keeps one idle connection, and makes it again when it is cut", async () => {
      await until(() => neck.connections.size === 1)
      const [first] = neck.connections
      first?.destroy()
      await until(() => neck.connections.size === 1 && !neck.connections.has(first as Socket))
    })

    it("carries 8 MB each way unchanged", async () => {
      const answer = await ask(port, "BIG\n")
      expect(answer.length).toBe(BIG)
      const text = `ECHO ${"0123456789".repeat(BIG / 10)}`
      expect((await ask(port, text)) === text).toBe(true)
    })

    it("closes one direction and leaves the other open", async () => {
      expect(await ask(port, `COUNT ${"c".repeat(100_000)}`)).toBe("heard 100006")
    })

    it("does not lose what waits for a slow reader", async () => {
      const socket = await dial(port, "BIG\n")
      socket.pause()
      await new Promise((resolve) => setTimeout(resolve, 700))
      expect((await readAll(socket)).length).toBe(BIG)
    })

    it("serves 60 at once", async () => {
      const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => ask(port, `ECHO ${n}\n`)))
      expect(answers).toEqual(Array.from({ length: 60 }, (_, n) => `ECHO ${n}\n`))
    })

    it("survives callers and a neck that break off", async () => {
      const socket = await dial(port, "BIG\n")
      await once(socket, "data")
      socket.resetAndDestroy()
      await ask(port, "BREAK\n", false)
      expect(await ask(port, "ECHO still there\n")).toBe("ECHO still there\n")
      await until(() => neck.connections.size === 1)
    })

    it("holds a caller until a restarted sidecar is back", async () => {
      await neck.close()
      const answer = ask(port, "ECHO patience\n")
      await new Promise((resolve) => setTimeout(resolve, 300))
      await neck.listen()
      expect(await answer).toBe("ECHO patience\n")
      await until(() => neck.connections.size === 1)
    })

    if (tool === "perl" || tool === "python3") {
      it("hands an early answer to a caller that still writes", async () => {
        const socket = await dial(port, "EARLY\n")
        const writing = setInterval(() => socket.write(Buffer.alloc(65536)), 5)
        const answer = await readAll(socket)
        clearInterval(writing)
        expect(answer.toString()).toBe("too much")
      })
    }

    it("says that its port is taken", async () => {
      const taken = await start(tool, path, neck.path, port)
      taken.stop()
      expect(taken.said).toContain("neck: cannot listen on 127.0.0.1:")
    })
  })
}

it.concurrent.each(NECK_TOOLS.filter((tool) => realProgram(tool) !== undefined))(
  "%s waits for a sidecar that starts late, and gives up without one",
  async (tool) => {
    const folder = mkdtempSync(join(tmpdir(), "bb-fwd-"))
    const path = pathWith(join(folder, "bin"), PROGRAMS[tool])
    const late = new Neck(join(folder, "late.sock"))
    setTimeout(() => void late.listen(), 7000)
    const [waited, none] = await Promise.all([
      start(tool, path, late.path, await freePort()),
      start(tool, path, join(folder, "none.sock"), await freePort()),
    ])
    waited.stop()
    none.stop()
    await late.close()
    rmSync(folder, { recursive: true })
    expect(waited.said).toBe("ready")
    expect(none.said).toBe("neck: the neck did not answer within 30 s")
  },
)
