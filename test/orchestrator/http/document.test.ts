/** The HTTP interface, asked as its own OpenAPI document says, and as it does not: no answer is a failure of the service. */
import { expect, it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import { makeSimulated } from "../simulated.ts"
import { ask } from "./ask.ts"

const ADA = "ada-0123456789abcdef0123456789abcdef"
const headers = { authorization: `Bearer ${ADA}` }

interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly required: boolean
  readonly schema: { readonly enum?: ReadonlyArray<string>; readonly pattern?: string }
}
interface Operation {
  readonly parameters: ReadonlyArray<Parameter>
  readonly responses: Readonly<Record<string, { readonly content?: object }>>
}

/** Values as a well-behaved caller gives them, and as others do. */
const valueOf = ({ schema, name }: Parameter) =>
  FastCheck.oneof(
    { weight: 3, arbitrary: FastCheck.constantFrom(...(schema.enum ?? ["1", "17", "ada", "cellar", name])) },
    { weight: 1, arbitrary: FastCheck.string({ maxLength: 40 }) },
    { weight: 1, arbitrary: FastCheck.string({ unit: "binary", maxLength: 40 }) },
    { weight: 1, arbitrary: FastCheck.oneof(FastCheck.integer(), FastCheck.double()).map(String) },
    {
      weight: 1,
      arbitrary: FastCheck.constantFrom(
        "",
        "-1",
        "0",
        "1e999",
        "..",
        "%2e%2e",
        "a".repeat(5000),
        "\u0000",
        "null",
        "[]",
      ),
    },
  )

const requestOf = (path: string, { parameters }: Operation) =>
  FastCheck.tuple(
    ...parameters.map((parameter) =>
      FastCheck.tuple(
        FastCheck.constant(parameter),
        parameter.required
          ? valueOf(parameter)
          : FastCheck.option(valueOf(parameter), { nil: undefined, freq: 1 }),
      ),
    ),
  ).map((given) => {
    const query = new URLSearchParams()
    const extra: Record<string, string> = {}
    let target = path
    for (const [{ in: place, name }, value] of given) {
      if (value === undefined) continue
      if (place === "path")
        target = target.replace(`{${name}}`, encodeURIComponent(Buffer.from(value).toString()))
      if (place === "query") query.append(name, value)
      if (place === "header") extra[name] = value.replace(/[^\x20-\x7e]/g, "x")
    }
    const text = query.toString()
    return { target: text === "" ? target : `${target}?${text}`, extra }
  })

it.scopedLive(
  "answers whatever the document lets be asked, and more, with a status that the document has",
  () =>
    Effect.gen(function* () {
      const world = yield* makeSimulated({
        more: { operators: { ada: { token: { env: "A" } } } },
        tokens: { "operators.ada.token": ADA },
      })
      const { listening } = yield* world.serve
      yield* world.target(17)
      yield* world.until(17, ({ state: { phase } }) => phase === "frozen")
      const document = JSON.parse((yield* ask(listening, "/openapi.json", { headers })).text)
      const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(
        ([path, methods]) =>
          Object.entries(methods).map(([method, operation]) => ({
            path,
            method: method.toUpperCase(),
            operation,
          })),
      )
      expect(operations.length).toBeGreaterThan(18)
      const asked = new Set<string>()
      for (const { path, method, operation } of operations) {
        // A stream of an operator has no end.
        if (path === "/events") continue
        const requests = FastCheck.sample(requestOf(path, operation), { numRuns: 60 })
        for (const { target, extra } of requests) {
          const answer = yield* ask(listening, target, { method, headers: { ...headers, ...extra } })
          const known = Object.keys(operation.responses)
          // What is no path of the interface is not found.
          expect([method, target, extra, [...known, "404"]]).toEqual([
            method,
            target,
            extra,
            expect.arrayContaining([String(answer.status)]),
          ])
          asked.add(`${path} ${answer.status}`)
          if (answer.text !== "" && String(answer.headers["content-type"]).includes("json"))
            JSON.parse(answer.text)
        }
      }
      expect([...asked].filter((it) => it.endsWith(" 200")).length).toBeGreaterThan(8)
    }),
)
