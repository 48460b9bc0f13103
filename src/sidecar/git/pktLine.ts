/** pkt-lines (gitprotocol-common(5)), as far as a push needs them: parses the request and writes the report. */
import { Either } from "effect"
import type { RefUpdate } from "../../domain/PushPolicy.ts"

/** A line. */
export const pkt = (text: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, "0")), bytes])
}

/** The flush packet that ends a list of lines. */
export const FLUSH: Buffer = Buffer.from("0000")

/** The commands of a push, before its pack. */
export interface PushRequest {
  readonly updates: ReadonlyArray<RefUpdate>
  readonly capabilities: ReadonlySet<string>
  /** Offset of the pack. */
  readonly packAt: number
}

const UPDATES_MAX = 200
const COMMAND = /^([0-9a-f]{40}) ([0-9a-f]{40}) (.+)$/

/** Parses the head of a push from the beginning of its body. Left: what is wrong with it. */
export const readPush = (head: Buffer): Either.Either<PushRequest, string> => {
  const updates: Array<RefUpdate> = []
  let capabilities: ReadonlySet<string> = new Set()
  let at = 0
  for (;;) {
    const length = head.toString("latin1", at, at + 4)
    if (!/^[0-9a-f]{4}$/.test(length)) return Either.left("the push cannot be read")
    const size = Number.parseInt(length, 16)
    if (size === 0) return Either.right({ updates, capabilities, packAt: at + 4 })
    if (size < 5 || at + size > head.length) return Either.left("the push cannot be read")
    const [line = "", offered] = head
      .toString("utf8", at + 4, at + size)
      .replace(/\n$/, "")
      .split("\0")
    at += size
    if (offered !== undefined) capabilities = new Set(offered.split(" ").filter((word) => word !== ""))
    if (/^shallow [0-9a-f]{40}$/.test(line)) continue
    const [, old, next, ref] = COMMAND.exec(line) ?? []
    if (old === undefined || next === undefined || ref === undefined || ref.includes("\uFFFD"))
      return Either.left("the push asks for something that is not served")
    if (updates.some((update) => update.ref === ref)) return Either.left("a ref appears twice")
    if (updates.push({ ref, old, new: next }) > UPDATES_MAX)
      return Either.left(`more than ${UPDATES_MAX} refs in one push`)
  }
}

/** The result of a push: for each ref why it failed, or undefined when it is at the upstream. */
export interface PushReport {
  readonly unpack?: string
  readonly refs: ReadonlyArray<{ readonly ref: string; readonly problem: string | undefined }>
  /** Lines for a person: git shows them with `remote:` before each. */
  readonly messages: ReadonlyArray<string>
}

const BAND_MAX = 65_515

/** The response body of a push. */
export const writeReport = (report: PushReport, capabilities: ReadonlySet<string>): Buffer => {
  const lines = [
    pkt(`unpack ${report.unpack ?? "ok"}\n`),
    ...report.refs.map(({ ref, problem }) =>
      pkt(problem === undefined ? `ok ${ref}\n` : `ng ${ref} ${oneLine(problem)}\n`),
    ),
    FLUSH,
  ]
  const wanted = capabilities.has("report-status") || capabilities.has("report-status-v2")
  const status = wanted ? Buffer.concat(lines) : Buffer.alloc(0)
  if (!capabilities.has("side-band-64k")) return status
  const text = Buffer.from(report.messages.map((line) => `${oneLine(line)}\n`).join(""))
  return Buffer.concat([...inBand(2, text), ...inBand(1, status), FLUSH])
}

const inBand = (band: number, bytes: Buffer): ReadonlyArray<Buffer> => {
  const parts: Array<Buffer> = []
  for (let at = 0; at < bytes.length; at += BAND_MAX) {
    parts.push(pkt(Buffer.concat([Buffer.from([band]), bytes.subarray(at, at + BAND_MAX)])))
  }
  return parts
}

/** Control characters of an upstream or a file name must not end a line or reach a terminal. */
const oneLine = (text: string): string => text.replaceAll(/\p{Cc}/gu, "?").slice(0, 1000)
