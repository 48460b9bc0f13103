/** Reads from the body of a request what a call to a model may use at most. */
import { scanJson } from "./scanJson.ts"
import { isUsualTier } from "./readUsage.ts"
import { atMost, estimatedTokens } from "./Tokens.ts"

/** What a request asks for. */
export interface Asked {
  /** Absent: none was named, or two different ones were. */
  readonly model?: string
  /** The most tokens that one completion may have; absent: the request does not say. */
  readonly maxOutput?: number
  /** How many completions are asked for. */
  readonly completions: number
  /** A price other than the usual one; absent: the usual one. */
  readonly tier?: string
  /** Estimated from the bytes of the body. */
  readonly input: number
  /** No more tokens than this can be its input: a token has at least one byte, and what it names elsewhere fits into a model. */
  readonly inputAtMost: number
}

/** The APIs that the meter knows. */
export type ModelApi = "messages" | "responses" | "chat"

/** Reads one request. It never fails: what is not understood says nothing. */
export interface RequestReader {
  readonly push: (bytes: Uint8Array) => void
  readonly asked: () => Asked
}

/** The keys by which the three APIs bound a completion. What another API calls so bounds nothing. */
const MAXIMA: Readonly<Record<ModelApi, ReadonlyArray<string>>> = {
  messages: ["max_tokens"],
  responses: ["max_output_tokens"],
  chat: ["max_tokens", "max_completion_tokens"],
}
const COMPLETIONS: ReadonlySet<string> = new Set(["n", "best_of"])
const TIERS: ReadonlySet<string> = new Set(["service_tier", "speed", "inference_geo"])
/** What a service adds to the input from elsewhere: an earlier response, or a stored conversation or prompt. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "previous_response_id",
  "conversation",
  "conversation.id",
  "prompt.id",
])
const PATHS: ReadonlySet<string> = new Set([
  "model",
  ...Object.values(MAXIMA).flat(),
  ...COMPLETIONS,
  ...TIERS,
  ...ELSEWHERE,
])
/** No known model reads more. */
const CONTEXT_MAX = 1_050_000
/** Keys, at any depth, of files and images that a service fetches. */
const FETCHED: ReadonlySet<string> = new Set(["url", "image_url", "file_url", "file_id"])

/** Makes the reader of one request. Of a key that appears twice the larger number counts: services differ in which one they take. */
export const readRequest = (api: ModelApi | undefined): RequestReader => {
  const maxima = api === undefined ? [] : MAXIMA[api]
  let model: string | undefined
  let isOneModel = true
  let maxOutput: number | undefined
  let completions = 1
  let tier: string | undefined
  let bytesRead = 0
  let isElsewhere = false
  const scanner = scanJson({
    paths: PATHS,
    texts: FETCHED,
    text: () => (isElsewhere = true),
    found: (path, value) => {
      if (typeof value === "string") {
        if (path === "model") {
          isOneModel &&= model === undefined || model === value
          model = value
        } else if (ELSEWHERE.has(path)) isElsewhere = true
        else if (TIERS.has(path) && !isUsualTier(value)) tier = value
      } else if (typeof value === "number") {
        // Below 0 means without a bound, where it means anything.
        if (maxima.includes(path) && value >= 0) maxOutput = Math.max(maxOutput ?? 0, atMost(value))
        else if (COMPLETIONS.has(path)) completions = Math.max(completions, atMost(value))
      }
    },
  })
  return {
    push: (bytes) => {
      bytesRead += bytes.length
      scanner.push(bytes, 0, bytes.length)
    },
    asked: () => ({
      ...(model !== undefined && isOneModel && { model }),
      ...(maxOutput !== undefined && { maxOutput }),
      completions,
      ...(tier !== undefined && { tier }),
      input: estimatedTokens(bytesRead),
      inputAtMost: isElsewhere ? Math.max(bytesRead, CONTEXT_MAX) : bytesRead,
    }),
  }
}
