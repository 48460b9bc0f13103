/** The stand-in is held to smolvm 1.9.2: each recorded call is made of it in the same state, and must end the same way. */
import { expect, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { ProcessRunner } from "../../../src/services/ProcessRunner.ts"
import { describeSmolvm, IMAGE, standIn } from "../../support/smolvm.ts"

const Recorded = Schema.decodeSync(
  Schema.parseJson(
    Schema.Struct({
      version: Schema.Literal("1.9.2"),
      argv: Schema.Array(Schema.String),
      exit: Schema.Number,
      stdout: Schema.String,
      stderr: Schema.String,
    }),
  ),
)
const file = new URL("../../fixtures/smolvm/recorded.jsonl", import.meta.url)
const recorded = readFileSync(file, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => Recorded(line))

/** Calls, counted from 1, that are not replayed. */
const NOT_REPLAYED: Readonly<Record<number, string>> = {
  82: "lists the devices of smolvm's guest, and the programs of the image",
  122: "shows the guest's mounts and the limits of its kernel",
}

/** What differs between two runs: times, pids, sizes, hashes, and frames of a spinner. */
const blurred = (text: string): string =>
  text
    .replace(/^([a-z-])([rwxsStT-]{9}) +\d+ (\S+ +\S+) +\d+ \w+ +\d+ +[\d:]+ /gm, (_, type, mode, owners) =>
      [type + mode, ...owners.split(/ +/), ""].join(" "),
    )
    .replace(/^total \d+$/gm, "total")
    .replace(/"created_at": \d+/g, '"created_at": <SECONDS>')
    .replace(/"pid": \d+/g, '"pid": <PID>')
    .replace(/\(PID: \d+/g, "(PID: <PID>")
    .replace(/\r⠋ /g, "<SPINNER>")
    .replace(/\d+(?=( ?KB| ?MB| bytes))/g, "<N>")
    .replace(/(sha256|local):[0-9a-f]+/g, "$1:<HASH>")

describeSmolvm("smolvm 1.9.2 as recorded", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it("has 142 calls, and all but two are replayed", () => {
      expect(recorded).toHaveLength(142)
      expect(Object.keys(NOT_REPLAYED)).toHaveLength(2)
    })

    it.scoped(
      "the stand-in ends each call with the same code, and says the same on the same stream",
      () =>
        Effect.gen(function* () {
          const smolvm = yield* standIn({ version: "1.9.2" })
          const runner = yield* ProcessRunner
          const path = (...names: ReadonlyArray<string>) => join(smolvm.data, ...names)
          for (const name of ["packs", "neck", "files", "image"]) mkdirSync(path(name))
          writeFileSync(path("files", "f"), "hello\n")
          const registry = path("registry", IMAGE.replaceAll("/", "_"))
          for (const suffix of ["tar", "json"]) copyFileSync(`${registry}.${suffix}`, path(`image.${suffix}`))
          const names: Array<readonly [string, string]> = [
            ["<REGISTRY>", "registry.example"],
            ["<PACKS>", path("packs")],
            ["<NECK>", path("neck")],
            ["<FILES>", path("files")],
            ["<MISSING>", path("missing")],
            ["<IMAGE_TAR>", path("image.tar")],
            ["<IMAGE_DIR>", path("image")],
            ["<OUT>", path("out")],
          ]
          const real = (text: string) =>
            names.reduce((all, [name, value]) => all.replaceAll(name, value), text)
          const named = (text: string) =>
            names.reduce((all, [name, value]) => all.replaceAll(value, name), text)
          const call = (...args: ReadonlyArray<string>) =>
            runner.run({ command: smolvm.program, args, env: smolvm.env })
          const machine = (...args: ReadonlyArray<string>) =>
            Effect.map(call("machine", ...args), ({ exitCode, stderr }) =>
              expect([exitCode, stderr]).toMatchObject([0, {}]),
            )
          const pack = path("packs", "agent.smolmachine")
          const small = ["--from", pack, "--cpus", "1", "--mem", "256"]
          const fails = (index: number) =>
            Effect.sync(() =>
              smolvm.fault(recorded[index - 1]?.stderr.replace(/^.*\nError: /, "").trimEnd() ?? ""),
            )

          yield* listening(path("neck", "neck.sock"), (request) => `neck says ok ${request.split(" ")[1]}\n`)
          /** What was done between two recorded calls, by the number of the second. */
          const before: Readonly<
            Record<number, Effect.Effect<unknown, unknown, import("effect/Scope").Scope>>
          > = {
            46: machine("stop", "--name", "m2"),
            81: Effect.zipRight(
              machine("create", "--name", "u1", ...small),
              machine("start", "--name", "u1"),
            ),
            86: listening(path("neck", "late.sock"), () => "ok\n"),
            88: machine("start", "--name", "s1"),
            102: Effect.sync(() => {
              writeFileSync(path("packs", "trunc.smolmachine"), readFileSync(pack).subarray(0, 100_000))
            }),
            104: Effect.all([
              ...["u1", "s1"].map((name) => machine("delete", "--name", name, "-f")),
              machine(
                "create",
                "--name",
                "bot-bottle-eb05abcd-x",
                ...small,
                "--volume",
                `${path("files")}:/x`,
              ),
              machine("start", "--name", "bot-bottle-eb05abcd-x"),
              machine("stop", "--name", "bot-bottle-eb05abcd-x"),
            ]),
            113: fails(113),
            115: Effect.zipRight(machine("create", "--name", "k1", "--image", path("image")), fails(115)),
            116: fails(116),
            117: fails(117),
            123: Effect.sync(() => smolvm.freezeProcess("q1")),
            130: machine("delete", "--name", "s8", "-f"),
          }

          const differing: Array<unknown> = []
          for (const [index, { argv, exit, stdout, stderr }] of recorded.entries()) {
            const number = index + 1
            yield* before[number] ?? Effect.void
            if (NOT_REPLAYED[number] !== undefined) continue
            const result = yield* call(...argv.map(real))
            const invented = /^Created machine: (vm-[0-9a-f]{8})$/m.exec(result.stdout)?.[1]
            if (invented !== undefined) names.push(["vm-59820c4d", invented])
            const seen = {
              exit: result.exitCode,
              stdout: blurred(named(result.stdout)),
              stderr: blurred(named(result.stderr)),
            }
            const expected = { exit, stdout: blurred(stdout), stderr: blurred(stderr) }
            if (JSON.stringify(seen) !== JSON.stringify(expected)) {
              differing.push({ number, argv: argv.join(" "), expected, seen })
            }
          }
          expect(differing).toEqual([])
        }),
      600_000,
    )
  })
})

/** A neck that answers each request with a text. */
const listening = (path: string, body: (request: string) => string) =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((socket) => {
        socket.on("error", () => {})
        socket.once("data", (bytes) => {
          const head = "HTTP/1.1 200 OK\r\nDate: <DATE>\r\nConnection: close\r\n\r\n"
          socket.end(head + body(bytes.toString("utf8")))
        })
      })
      server.listen(path, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.async<void>((resume) => void server.close(() => resume(Effect.void))),
  )
