/** The `forge` command, by each tool, against a server that says what it was asked. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { randomBytes } from "node:crypto"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import type { Server } from "node:http"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { packageFile } from "../../src/layers/home/packageRoot.ts"
import { NECK_TOOLS, pathWith, realProgram } from "../support/tools.ts"

interface Asked {
  readonly method: string
  readonly path: string
  readonly query: Record<string, string>
  readonly body: string
}

const nasty = 'it\'s "done" é 🦊 100% a&b=c?d #1 +\n\nsecond line\\'

for (const tool of NECK_TOOLS) {
  describe.skipIf(realProgram(tool) === undefined)(`forge by ${tool}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "bb-forge-"))
    const path = pathWith(join(folder, "bin"), [
      tool,
      "sh",
      "cat",
      "od",
      "tr",
      // The others decode by themselves.
      ...(tool === "socat" ? ["base64"] : []),
    ])
    const asked: Array<Asked> = []
    let answer: { status: number; text: string | Buffer; cut?: boolean } = { status: 200, text: "" }
    let server: Server
    let neck = ""

    beforeAll(async () => {
      server = createServer((request, response) => {
        const pieces: Array<Buffer> = []
        request.on("data", (piece: Buffer) => pieces.push(piece))
        request.on("end", () => {
          const url = new URL(request.url ?? "", "http://neck")
          asked.push({
            method: request.method ?? "",
            path: url.pathname,
            query: Object.fromEntries(url.searchParams),
            body: Buffer.concat(pieces).toString(),
          })
          response.writeHead(answer.status, {
            "content-type": "text/plain",
            ...(answer.cut ? { "content-length": Buffer.byteLength(answer.text) + 10 } : {}),
          })
          if (answer.cut) response.write(answer.text, () => response.destroy())
          else response.end(answer.text)
        })
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      neck = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
    })
    afterAll(() => {
      server.closeAllConnections()
      server.close()
      rmSync(folder, { recursive: true })
    })

    const forge = async (args: ReadonlyArray<string>, body: string | Buffer = "", base = neck) => {
      const child = spawn(packageFile("bottle", "forge"), [...args], {
        env: { PATH: path, BOT_BOTTLE_NECK: base, HTTP_PROXY: "http://127.0.0.1:1" },
      })
      child.stdin.on("error", () => undefined)
      child.stdin.end(body)
      const out: Array<Buffer> = []
      const err: Array<Buffer> = []
      child.stdout.on("data", (piece: Buffer) => out.push(piece))
      child.stderr.on("data", (piece: Buffer) => err.push(piece))
      await once(child, "close")
      return {
        code: child.exitCode,
        out: Buffer.concat(out).toString(),
        err: Buffer.concat(err).toString(),
        request: asked.splice(0),
      }
    }

    it("reads an issue, and prints the answer as it is", async () => {
      answer = { status: 200, text: `#17 ${nasty}\n` }
      const { code, out, err, request } = await forge(["read-issue", "17"], "not read")
      expect([code, out, err]).toEqual([0, `#17 ${nasty}\n`, ""])
      expect(request).toEqual([
        { method: "POST", path: "/forge/read-issue", query: { number: "17" }, body: "" },
      ])
    })

    it("writes an attachment to the path that it is given, byte by byte, and nothing when there is none", async () => {
      const bytes = Buffer.concat([randomBytes(100_001), Buffer.from("\0\n\r\n\0\n")])
      const file = join(folder, "-a b.png")
      answer = { status: 200, text: `${bytes.toString("base64")}\n` }
      const { code, out, err, request } = await forge(["read-attachment", "17-302", file])
      expect([code, out, err]).toEqual([0, "", ""])
      expect(request).toMatchObject([{ path: "/forge/read-attachment", query: { id: "17-302" } }])
      expect(readFileSync(file).equals(bytes)).toBe(true)
      for (const left of [1, 2, 3]) {
        answer = { status: 200, text: `${bytes.subarray(0, left).toString("base64")}\n` }
        expect((await forge(["read-attachment", "17-302", file])).code).toBe(0)
        expect(readFileSync(file).equals(bytes.subarray(0, left))).toBe(true)
      }
      answer = { status: 502, text: "#17 has no attachment 302\n" }
      const none = join(folder, "none")
      const failed = await forge(["read-attachment", "17-302", none])
      expect([failed.code, failed.err]).toEqual([1, expect.stringContaining("#17 has no attachment 302")])
      expect(existsSync(none)).toBe(false)
      for (const wrong of [["17-302"], ["17-302", ""], [], ["17-302", none, "more"]])
        expect(await forge(["read-attachment", ...wrong])).toMatchObject({ code: 2, request: [] })
    })

    it("sends bodies unchanged, to the number given", async () => {
      answer = { status: 200, text: "" }
      for (const command of ["post-comment", "update-description"]) {
        const { code, request } = await forge([command, "17"], nasty)
        expect(code).toBe(0)
        expect(request).toEqual([
          { method: "POST", path: `/forge/${command}`, query: { number: "17" }, body: nasty },
        ])
      }
    })

    it("carries 900 KB", async () => {
      const body = "0123456789é\n".repeat(70_000)
      answer = { status: 200, text: body }
      const { out, request } = await forge(["post-comment", "17"], body)
      expect(request[0]?.body === body).toBe(true)
      expect(out === body).toBe(true)
    })

    it("opens a pull request, its options in any order and form", async () => {
      answer = { status: 200, text: "42\n" }
      const one = await forge(["open-pr", "--title", nasty, "--head=bot-bottle/x", "--base", "main"], "why")
      expect(one.request[0]?.query).toEqual({ title: nasty, head: "bot-bottle/x", base: "main" })
      expect(one.request[0]?.body).toBe("why")
      const two = await forge(["open-pr", "--head", "h", "--title=a=b"])
      expect(two.request[0]?.query).toEqual({ title: "a=b", head: "h" })
    })

    it("signals that it is done, with 4000 characters of any kind", async () => {
      answer = { status: 200, text: "" }
      const summary = nasty.repeat(200).slice(0, 4000)
      const { code, request } = await forge(["signal-done", "success", summary])
      expect(code).toBe(0)
      expect(request[0]?.query).toEqual({ status: "success", summary: Buffer.from(summary).toString() })
    })

    it("asks who commits, with no parameters", async () => {
      answer = { status: 200, text: "bot\nbot@noreply.example\n" }
      const { code, out, request } = await forge(["git-identity"])
      expect([code, out]).toEqual([0, "bot\nbot@noreply.example\n"])
      expect(request).toEqual([{ method: "POST", path: "/forge/git-identity", query: {}, body: "" }])
    })

    it("makes any other call of its neck, with standard input only where it is asked for", async () => {
      answer = { status: 200, text: "" }
      const one = await forge(["call", "label-issue", "number=17", `label=${nasty}=`], "not read")
      expect([one.code, one.request]).toEqual([
        0,
        [
          {
            method: "POST",
            path: "/forge/label-issue",
            query: { number: "17", label: `${nasty}=` },
            body: "",
          },
        ],
      ])
      const two = await forge(["call", "note", "-", "number=17"], nasty)
      expect(two.request[0]).toMatchObject({ query: { number: "17" }, body: nasty })
      const none = await forge(["call", "ping"], "not read")
      expect(none.request[0]).toMatchObject({ path: "/forge/ping", query: {}, body: "" })
    })

    it("reaches a neck behind a path", async () => {
      answer = { status: 200, text: "" }
      const { request } = await forge(["read-pr", "5"], "", `${neck}/s3cr3t`)
      expect(request[0]?.path).toBe("/s3cr3t/forge/read-pr")
    })

    it("ends with 3 on a write out of scope, with 1 on any other error, and says why on stderr", async () => {
      answer = { status: 403, text: "write to #500 denied" }
      const scope = await forge(["post-comment", "500"], "x")
      expect([scope.code, scope.out, scope.err]).toEqual([3, "", "write to #500 denied\n"])
      answer = { status: 502, text: "forge: readIssue failed with 404\n" }
      const failed = await forge(["read-issue", "9"])
      expect([failed.code, failed.out, failed.err.trim()]).toEqual([
        1,
        "",
        "forge: readIssue failed with 404",
      ])
      answer = { status: 500, text: "" }
      const silent = await forge(["read-issue", "9"])
      expect([silent.code, silent.err]).toEqual([1, "the neck answered 500\n"])
    })

    it("ends with 1 when the neck is not there, or cuts its answer off", async () => {
      const gone = await forge(["read-issue", "1"], "", "http://127.0.0.1:1")
      expect(gone.code).toBe(1)
      expect(gone.err).toMatch(/^forge: the neck (does|did) not answer\n$/)
      answer = { status: 200, text: "half", cut: true }
      const cut = await forge(["read-issue", "1"])
      expect([cut.code, cut.out, cut.err]).toEqual([1, "", "forge: the answer was cut off\n"])
    })

    it("ends with 2 on wrong usage, without asking anybody", async () => {
      const wrong = [
        [],
        ["dance"],
        ["read-issue"],
        ["read-issue", "x"],
        ["read-issue", "1", "2"],
        ["read-pr", "-1"],
        ["post-comment", "1&number=2"],
        ["open-pr", "--head", "h"],
        ["open-pr", "--title", "t"],
        ["open-pr", "--title"],
        ["open-pr", "--title", "t", "--head", "h", "--force"],
        ["open-pr", "--title", "t", "--head", "h", "--title --head=x"],
        ["open-pr", "--title", "t", "--head", "h", "[--base]=x"],
        ["open-pr", "--title", "t", "--head", "h", "--$(id)=x"],
        ["open-pr", "t", "--head", "h"],
        ["signal-done", "success"],
        ["signal-done", "success", "a", "b"],
        ["git-identity", "x"],
        ["call"],
        ["call", "../rpc"],
        ["call", "read-issue", "17"],
        ["call", "read-issue", "=17"],
      ]
      for (const args of wrong) {
        const { code, err, request } = await forge(args)
        expect([args, code, request]).toEqual([args, 2, []])
        expect(err).toContain('"forge --help"')
      }
    })

    it("explains itself", async () => {
      const { code, out } = await forge(["--help"])
      expect(code).toBe(0)
      expect(out).toContain("signal-done")
    })
  })
}
