/** A call that a library user adds: every protocol, the scope, the secrets and the log hold for it as for the others. */
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as ForgeCalls from "bot-bottle/ForgeCalls"
import * as SidecarInProcess from "bot-bottle/SidecarInProcess"
import { Effect, Either, Layer, Schema } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as GiteaForges from "../../../src/layers/gitea/GiteaForges.ts"
import { FORGE_COMMANDS } from "../../../src/domain/ForgeCommands.ts"
import { NeckCommands } from "../../../src/services/NeckCommands.ts"
import type { ForgeApi } from "../../../src/services/Forge.ts"
import type { ForgeReads } from "../../../src/services/Forge.ts"
import type { ForgeCall } from "../../../src/sidecar/forge/ForgeCall.ts"
import { decodeDocument } from "../../../src/sidecar/SidecarDocument.ts"
import * as FakeForge from "../../../src/testing/FakeForge.ts"
import { rpc, send } from "../../support/rpc.ts"
import { serve } from "../../support/serve.ts"
import { tempDir } from "../../support/tempDir.ts"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"

/** Labels an issue; what it did is in `done`. */
const labelIssue = (done: Array<unknown>, name = "label_issue") =>
  ForgeCalls.make({
    usage: {
      name,
      words: [{ name: "number", shown: "N", number: true }],
      options: [{ name: "label", shown: "LABEL" }],
      help: "labels the issue",
      assignment: {
        example: ({ issue }) => `forge call label-issue number=${issue} label=LABEL`,
        note: ({ writable }) => `only ${writable}`,
      },
    },
    description: "Label an issue.",
    params: Schema.Struct({
      number: ForgeCalls.numberOf("the issue"),
      label: ForgeCalls.text(20, "The label"),
      colors: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) })),
      note: Schema.optional(Schema.Redacted(Schema.String)),
    }),
    success: Schema.Struct({ labels: Schema.Array(Schema.String), at: Schema.DateFromString }),
    writes: { number: ({ number }) => number },
    subject: ({ number }) => `#${number}`,
    show: ({ labels }) => `labels: ${ForgeCalls.inline(labels.join(", "))}`,
    serve: () => ({
      run: ({ number, label }, { api }) =>
        Effect.map(api.readIssue(number), ({ labels }) => {
          done.push([number, label])
          const answer = { labels: [...labels, label], at: new Date(0), internal: TOKEN }
          return { answer, detail: `labelled #${number}` }
        }),
    }),
  })

const start = (calls: ReadonlyArray<ForgeCall>, forge = true) =>
  Effect.gen(function* () {
    const directory = yield* tempDir
    const fake = yield* FakeForge.make({
      owner: "ada",
      repo: "cellar",
      issues: [
        { number: 17, title: "The door" },
        { number: 500, title: "Not ours" },
      ],
    })
    const socketPath = join(directory, "run", "neck", "neck.sock")
    const stateDir = join(directory, "state")
    const apiUrl = "http://127.0.0.1:9/api/v1"
    const part = { apiUrl, owner: "ada", repo: "cellar", token: TOKEN, issueNumber: 17 }
    const text = JSON.stringify({ slug: "fix-abcde", socketPath, stateDir, ...(forge && { forge: part }) })
    yield* serve(yield* decodeDocument(text), { calls }).pipe(Effect.provide(FakeForge.forges(fake)))
    const mcp = (method: string, params: object) =>
      Effect.map(
        send(socketPath, {
          path: "/mcp",
          body: JSON.stringify({ jsonrpc: "2.0", method, params, id: 1 }),
          headers: { "content-type": "application/json" },
        }),
        (answer) => answer.json() as { readonly result: Record<string, unknown> },
      )
    return {
      call: (method: string, params: unknown) => rpc(socketPath, method, params),
      tool: (name: string, given: object) => mcp("tools/call", { name, arguments: given }),
      tools: Effect.map(
        mcp("tools/list", {}),
        ({ result }) => result["tools"] as ReadonlyArray<{ readonly name: string }>,
      ),
      command: (path: string, body = "") => send(socketPath, { path: `/forge/${path}`, body }),
      entries: () =>
        readFileSync(join(stateDir, "operations.jsonl"), "utf8")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Record<string, unknown>),
    }
  })

describe("a call of a library user", () => {
  it.scoped("is a method, a tool and a command beside those of every neck, and in the log", () =>
    Effect.gen(function* () {
      const done: Array<unknown> = []
      const neck = yield* start([...ForgeCalls.builtIn, labelIssue(done)])
      // Encoded by its schema: a date is a text, and what the schema does not name stays here.
      expect(yield* neck.call("label_issue", { number: 17, label: "seen" })).toMatchObject({
        result: { labels: ["seen"], at: "1970-01-01T00:00:00.000Z" },
      })
      expect(JSON.stringify(yield* neck.tool("label_issue", { number: 17, label: "seen" }))).not.toContain(
        TOKEN,
      )
      expect(yield* neck.command("label-issue?number=17&label=seen")).toMatchObject({
        status: 200,
        text: "labels: seen\n",
      })
      expect(done).toEqual([17, 17, 17].map((number) => [number, "seen"]))
      expect(neck.entries()).toMatchObject(
        Array.from({ length: 3 }, () => [
          { op: "label_issue", target: "#17", phase: "begin" },
          { op: "label_issue", target: "#17", phase: "end", outcome: "ok", detail: "labelled #17" },
        ]).flat(),
      )
      const tools = yield* neck.tools
      expect(tools.map(({ name }) => name)).toEqual([
        ...FORGE_COMMANDS.map(({ name }) => name).filter((name) => name !== "git_identity"),
        "label_issue",
      ])
      expect(tools.at(-1)).toMatchObject({
        description: "Label an issue.",
        inputSchema: {
          properties: {
            number: { type: "integer", minimum: 1, description: "Number of the issue" },
            label: { type: "string", minLength: 1, maxLength: 20, description: "The label" },
          },
          required: ["number", "label"],
          additionalProperties: false,
        },
        annotations: { readOnlyHint: false },
      })
      expect((yield* neck.command("no")).text).toMatch(/known are .*, signal-done, .*, label-issue$/m)
      expect((yield* neck.call("read_issue", { number: 17 })).result).toMatchObject({ number: 17 })
    }),
  )

  it.scoped("that only reads gets a forge without writes", () =>
    Effect.gen(function* () {
      const names = ForgeCalls.make({
        usage: { name: "list_powers", words: [], help: "lists what it may do" },
        params: Schema.Struct({}),
        success: Schema.Array(Schema.String),
        subject: () => "",
        show: String,
        serve: () => ({
          run: (_, { api }) => {
            expectTypeOf(api).toEqualTypeOf<ForgeReads>()
            return Effect.succeed({ answer: Object.keys(api), detail: "listed" })
          },
        }),
      })
      const { result } = yield* (yield* start([names])).call("list_powers", {})
      expect(result).toContain("readIssue")
      for (const write of [
        "postComment",
        "updateDescription",
        "openPr",
        "createDeployKey",
        "deleteDeployKey",
      ])
        expect(result).not.toContain(write)
    }),
  )

  it.scoped("is refused out of scope, with a secret or a closing word anywhere, and without a forge", () =>
    Effect.gen(function* () {
      const done: Array<unknown> = []
      const { call, entries } = yield* start([labelIssue(done)])
      const refused = (params: object) =>
        Effect.map(call("label_issue", { number: 17, label: "x", ...params }), ({ error }) => error?.code)
      expect(yield* refused({ number: 500 })).toBe(-32001)
      expect(yield* refused({ number: "17" })).toBe(-32602)
      expect(yield* refused({ more: 1 })).toBe(-32602)
      expect(yield* refused({ label: "x".repeat(21) })).toBe(-32602)
      expect(yield* refused({ label: "closes #500" })).toBe(-32001)
      expect(yield* refused({ colors: { red: ["x", `a ${TOKEN}`] } })).toBe(-32004)
      expect(yield* refused({ colors: { [TOKEN]: [] } })).toBe(-32004)
      expect(yield* refused({ colors: { red: ["fixes #500"] } })).toBe(-32001)
      // As it came: what it is decoded to would not show the text.
      expect(yield* refused({ note: TOKEN })).toBe(-32004)
      expect(done).toEqual([])
      expect(JSON.stringify(entries())).not.toContain(TOKEN)
      const without = yield* start([labelIssue(done)], false)
      expect(yield* without.call("label_issue", { number: 17, label: "x" })).toMatchObject({
        error: { code: -32005 },
      })
    }),
  )

  it.scoped("that does not say what it writes writes nothing, in scope or out of it", () =>
    Effect.gen(function* () {
      // What it has of the neck at run time, whatever its types say.
      const apisOf = (...given: ReadonlyArray<object>) =>
        given.flatMap((one) => {
          const { forge = one } = one as { readonly forge?: object }
          return "api" in forge ? [forge.api as ForgeApi] : []
        })
      const sneaky = (name: string, writes: boolean) => {
        const write = (api: ForgeApi, number: number) =>
          Effect.suspend(() =>
            Effect.zipRight(api.postComment(number, "x"), api.updateDescription(number, "x")),
          ).pipe(Effect.catchAllDefect(Effect.fail), Effect.either)
        const written: Array<boolean> = []
        const note = (result: Either.Either<unknown, unknown>) =>
          Effect.sync(() => void written.push(Either.isRight(result)))
        const call = {
          usage: { name, help: "writes where it may not" },
          params: Schema.Struct({}),
          success: Schema.Array(Schema.Boolean),
          subject: () => "",
          show: () => "",
          serve: (context: object) => {
            const tryAll = (...given: ReadonlyArray<object>) =>
              Effect.forEach(apisOf(...given), (api) =>
                Effect.forEach([17, 500], (number) => Effect.flatMap(write(api, number), note)),
              )
            return {
              check: (_: object, forge: object) => Effect.asVoid(tryAll(context, forge)),
              run: (_: object, forge: object) =>
                Effect.as(tryAll(context, forge), { answer: written, detail: "" }),
            }
          },
        }
        return writes ? ForgeCalls.make({ ...call, writes: { number: "none" } }) : ForgeCalls.make(call)
      }
      const neck = yield* start([sneaky("reader", false), sneaky("writer", true)])
      expect((yield* neck.call("reader", {})).result).toEqual([false, false, false, false])
      // The forge of its `run` alone writes, to what is in scope.
      expect((yield* neck.call("writer", {})).result).toEqual([false, false, true, false])
    }),
  )

  it.scoped("that breaks its own schema answers with an internal error, and keeps the value", () =>
    Effect.gen(function* () {
      const broken = ForgeCalls.makeLocal({
        usage: { name: "count_words", help: "counts" },
        params: Schema.Struct({}),
        success: Schema.Struct({ words: Schema.Number }),
        writes: false,
        subject: () => "",
        show: ({ words }) => `${words}`,
        serve: () => ({
          run: () =>
            Effect.succeed({ answer: { words: TOKEN as unknown as number }, detail: "counted words" }),
        }),
      })
      const neck = yield* start([broken], false)
      const answer = yield* neck.call("count_words", {})
      expect(answer).toMatchObject({ error: { code: -32603, message: "internal error" } })
      expect(yield* neck.command("count-words")).toMatchObject({ status: 500, text: "internal error\n" })
      expect(neck.entries()).toMatchObject([{ outcome: "failed" }, { outcome: "failed" }])
      expect(JSON.stringify([answer, neck.entries()])).not.toContain(TOKEN)
    }),
  )

  it.scoped("with the name of another, or one that is no name, keeps its sidecar from serving", () =>
    Effect.gen(function* () {
      for (const name of ["read_issue", "Read", "read-issue", "", "a/b", "a b", "__proto__"]) {
        const failure = yield* Effect.flip(start([...ForgeCalls.builtIn, labelIssue([], name)]))
        expect(failure).toMatchObject({
          _tag: "SidecarError",
          reason: expect.stringContaining("name") as string,
        })
      }
    }),
  )

  it.effect("is named in assignments when sidecars of this process serve it", () =>
    Effect.gen(function* () {
      const calls = [...ForgeCalls.builtIn, labelIssue([])]
      const told = Effect.map(NeckCommands, (commands) => commands.map(({ name }) => name))
      const sidecars = Layer.provide(SidecarInProcess.layerWith({ calls }), GiteaForges.layer)
      expect(yield* Effect.provide(told, sidecars)).toEqual([
        ...FORGE_COMMANDS.map(({ name }) => name),
        "label_issue",
      ])
      expect(yield* told).not.toContain("label_issue")
    }),
  )
})

describe("the calls of every neck", () => {
  it("take each of their parameters from the command line, and describe each to models", () => {
    expect(ForgeCalls.builtIn.map(({ usage }) => usage)).toEqual(FORGE_COMMANDS)
    for (const { usage, tool } of ForgeCalls.builtIn) {
      const { words = [], options = [], body } = usage
      if (tool === undefined) continue
      const { properties, required } = tool.inputSchema as {
        readonly properties: Record<string, { readonly description?: string }>
        readonly required: ReadonlyArray<string>
      }
      const given = [...words, ...options].map(({ name }) => name)
      expect([...given, ...(body === undefined ? [] : [body])].sort()).toEqual(Object.keys(properties).sort())
      expect(required.filter((name) => name !== body).sort()).toEqual(
        [...words, ...options.filter(({ optional }) => optional !== true)].map(({ name }) => name).sort(),
      )
      for (const { description } of Object.values(properties)) expect(description).toMatch(/^[A-Z]/)
    }
  })
})
