/**
 * Reads what a model provider reports about a call, from the body of its response as it arrives: Anthropic Messages, OpenAI Responses
 * and Chat Completions, as JSON or as server-sent events.
 */
import { scanJson } from "./scanJson.ts"
import { type Tokens, atMost } from "./Tokens.ts"

/** What a response has said so far. */
export interface Reported {
  /** Absent: no counts were reported. */
  readonly tokens?: Tokens
  /** Whether these are the counts of the whole call, which a stream reports at its end. */
  readonly isWhole: boolean
  readonly model?: string
  /** How the provider prices the call, such as `default` or `priority`; absent: it does not say. */
  readonly tier?: string
  /** Whether the response reports a failure, also after a status of success. */
  readonly isFailure: boolean
  /** Bytes of the texts that the model wrote, for an estimate. */
  readonly textBytes: number
}

/** Reads one response. It never fails: what is not understood reports nothing. */
export interface UsageReader {
  readonly push: (bytes: Uint8Array) => void
  readonly reported: () => Reported
}

/** Where the three APIs put the counts of a whole call: in the response or an event itself, and in `response.completed`. */
const WHOLE = ["usage.", "response.usage."]
/** And in `message_start`, where the output has only begun. */
const PLACES = [...WHOLE, "message.usage."]

/** The counts by name, and what they are counts of. */
const COUNTS = {
  input_tokens: "input",
  prompt_tokens: "input",
  output_tokens: "output",
  completion_tokens: "output",
  "input_tokens_details.cached_tokens": "cached",
  "prompt_tokens_details.cached_tokens": "cached",
  "input_tokens_details.cache_write_tokens": "written",
  "prompt_tokens_details.cache_write_tokens": "written",
  "output_tokens_details.reasoning_tokens": "reasoning",
  "completion_tokens_details.reasoning_tokens": "reasoning",
  "output_tokens_details.thinking_tokens": "reasoning",
  // Anthropic counts these three beside its `input_tokens`, not in them.
  cache_read_input_tokens: "cacheRead",
  cache_creation_input_tokens: "cacheWrite",
  "cache_creation.ephemeral_1h_input_tokens": "writtenLong",
} as const satisfies Readonly<Record<string, string>>

type Count = (typeof COUNTS)[keyof typeof COUNTS]

const COUNT_AT: ReadonlyMap<string, Count> = new Map(
  PLACES.flatMap((place) =>
    Object.entries(COUNTS).map(([name, count]) => [`${place}${name}`, count] as const),
  ),
)

const MODELS: ReadonlySet<string> = new Set(["model", "response.model", "message.model"])
const TIERS: ReadonlySet<string> = new Set([
  "service_tier",
  "response.service_tier",
  ...PLACES.flatMap((place) => [`${place}service_tier`, `${place}speed`, `${place}inference_geo`]),
])

const FAILURES: ReadonlySet<string> = new Set(["error.type", "error.message", "response.error.message"])

const PATHS: ReadonlySet<string> = new Set([...COUNT_AT.keys(), ...MODELS, ...TIERS, ...FAILURES])

/** Keys under which the three APIs send what a model writes. */
const TEXTS: ReadonlySet<string> = new Set([
  "text",
  "content",
  "delta",
  "arguments",
  "input",
  "partial_json",
  "thinking",
  "reasoning",
  "reasoning_content",
  "refusal",
])

/** A tier, a speed or a place at the usual price. */
export const isUsualTier = (tier: string): boolean =>
  /^(?:|auto|default|standard|standard_only|batch|flex|global|not_available)$/.test(tier)

/** Makes the reader of one response, whose form it recognises by its first byte. */
export const readUsage = (): UsageReader => {
  const counts = new Map<Count, number>()
  let model: string | undefined
  let tier: string | undefined
  let isWhole = false
  let isFailure = false
  let textBytes = 0
  const scanner = scanJson({
    paths: PATHS,
    texts: TEXTS,
    found: (path, value) => {
      const count = COUNT_AT.get(path)
      if (count !== undefined) {
        // Counts of a stream are sums so far, and the last event has the whole.
        if (typeof value !== "number") return
        counts.set(count, Math.max(counts.get(count) ?? 0, atMost(value)))
        isWhole ||= WHOLE.some((place) => path.startsWith(place))
      } else if (typeof value === "string") {
        if (FAILURES.has(path)) isFailure = true
        else if (MODELS.has(path)) model = value
        else tier = tier !== undefined && isUsualTier(value) ? tier : value
      }
    },
    text: (bytes) => (textBytes += bytes),
  })
  const events = readEvents(scanner)
  let isJson: boolean | undefined
  return {
    push: (bytes) => {
      isJson ??= beginsJson(bytes)
      if (isJson === true) scanner.push(bytes, 0, bytes.length)
      else if (isJson === false) events(bytes)
    },
    reported: () => ({
      ...(counts.size > 0 && { tokens: tokensOf(counts) }),
      ...(model !== undefined && { model }),
      ...(tier !== undefined && { tier }),
      isWhole,
      isFailure,
      textBytes,
    }),
  }
}

/** In the terms of {@link Tokens}: the input includes what came from a cache and went into it. */
const tokensOf = (counts: ReadonlyMap<Count, number>): Tokens => {
  const of = (count: Count) => counts.get(count) ?? 0
  const cached = of("cached") + of("cacheRead")
  const written = of("written") + of("cacheWrite")
  return {
    input: of("input") + of("cacheRead") + of("cacheWrite"),
    cached,
    written,
    writtenLong: Math.min(written, of("writtenLong")),
    output: of("output"),
    reasoning: Math.min(of("output"), of("reasoning")),
  }
}

/** Undefined while only white space has come. */
const beginsJson = (bytes: Uint8Array): boolean | undefined => {
  const first = bytes.find((byte) => byte > 0x20)
  return first === undefined ? undefined : first === 0x7b || first === 0x5b
}

const DATA: ReadonlyArray<number> = [...new TextEncoder().encode("data:")]
const LF = 0x0a
const CR = 0x0d

/** Passes the data of server-sent events to a scanner: one text for each event. No line is kept, so that none is too long. */
const readEvents = (scanner: ReturnType<typeof scanJson>) => {
  /** How much of `data:` the line begins with; -1: it begins otherwise. */
  let matched = 0
  let isEmpty = true
  let wasReturn = false
  return (bytes: Uint8Array): void => {
    let at = 0
    while (at < bytes.length) {
      const byte = bytes[at] ?? 0
      if (byte === LF || byte === CR) {
        // CR LF is one end of a line.
        if (byte !== LF || !wasReturn) {
          if (isEmpty) scanner.end()
          matched = 0
          isEmpty = true
        }
        wasReturn = byte === CR
        at += 1
        continue
      }
      wasReturn = false
      if (matched === DATA.length || matched === -1) {
        const end = endOfLine(bytes, at)
        if (matched !== -1) scanner.push(bytes, at, end)
        at = end
      } else {
        isEmpty = false
        matched = byte === DATA[matched] ? matched + 1 : -1
        at += 1
      }
    }
  }
}

const endOfLine = (bytes: Uint8Array, from: number): number => {
  let at = from
  while (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) at += 1
  return at
}
