/** The forge protocol as plain text, for images without a JSON tool: `POST /forge/<command>?...` with the text to send as body. */
import { Effect } from "effect"
import { type CallUsage, commandOf } from "../../domain/ForgeCommands.ts"
import { CallFailure } from "./CallFailure.ts"
import { type Call, refuse } from "./Calls.ts"
import type { CallLog } from "../record/OperationLog.ts"

/** The response: an HTTP status that `bin/forge` turns into its exit code, and a text for people and agents. */
export interface TextAnswer {
  readonly status: number
  readonly text: string
}

/** Runs the command of a path such as `/forge/read-issue?number=17`. */
export type RunCommand = (name: string, query: URLSearchParams, body: string) => Effect.Effect<TextAnswer>

/** Makes commands from calls. */
export const makeCommands = (
  calls: ReadonlyArray<readonly [CallUsage, Call]>,
  log: CallLog,
  notice: () => string | undefined,
): RunCommand => {
  const files = new Set(calls.flatMap(([usage]) => (usage.file === undefined ? [] : [commandOf(usage)])))
  /** A file stays as it is. */
  const noted = (name: string): string => {
    const note = files.has(name) ? undefined : notice()
    return note === undefined ? "" : `\n${note}\n`
  }
  const commands: ReadonlyMap<string, Command> = new Map(
    calls.map(([usage, call]) => [commandOf(usage), commandFor(usage, call)]),
  )
  const unknownCommand = new CallFailure({
    kind: "method",
    message: `no such command: known are ${[...commands.keys()].join(", ")}`,
  })
  return (name, query, body) =>
    Effect.match(
      commands.get(name)?.(query, body) ?? refuse(log, "forge", name.slice(0, 64), unknownCommand),
      {
        onSuccess: (text) => ({ status: 200, text: `${text}\n${noted(name)}` }),
        onFailure: (failure) => ({
          status: STATUSES[failure.kind],
          text: `${failure.message}\n${noted(name)}`,
        }),
      },
    )
}

type Command = (query: URLSearchParams, body: string) => Effect.Effect<string, CallFailure>

const commandFor = (usage: CallUsage, call: Call): Command => {
  const { words = [], options = [] } = usage
  const known = new Map([...words, ...options].map((word) => [word.name, word.number === true]))
  const last = words.at(-1)
  // A trailing text often comes from `echo`, whose newline is not part of it. A posted text is sent unchanged.
  const ofBody =
    usage.body === undefined && last?.number !== true && last !== undefined
      ? { name: last.name, read: (body: string) => body.trim() }
      : { name: usage.body, read: (body: string) => body }
  return (query, body) => {
    /** A repeated or unknown key becomes a parameter that no method accepts. */
    const params: Record<string, unknown> = Object.fromEntries(
      [...query].map(([key, value]): [string, unknown] =>
        query.getAll(key).length > 1 || !known.has(key)
          ? [`?${key}`, value]
          : [key, known.get(key) === true ? numberOf(value) : value],
      ),
    )
    if (ofBody.name !== undefined && params[ofBody.name] === undefined)
      params[ofBody.name] = ofBody.read(body)
    return call.text(params)
  }
}

const STATUSES: Readonly<Record<CallFailure["kind"], number>> = {
  request: 400,
  method: 404,
  params: 400,
  scope: 403,
  forge: 502,
  unreachable: 502,
  "no-forge": 502,
  secret: 400,
  limit: 429,
  internal: 500,
}

const numberOf = (text: string): unknown => (/^[1-9]\d{0,15}$/.test(text) ? Number(text) : text)
