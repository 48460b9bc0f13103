import { Option } from "effect"
import { describe, expect, it } from "vitest"
import { type ProviderAnswer, refusalOf } from "../../src/domain/ProviderLimits.ts"

const at = Date.parse("2027-01-01T12:00:00Z")
const answer = (status: number, headers: ProviderAnswer["headers"] = {}, body = "") =>
  Option.getOrUndefined(refusalOf({ status, headers, body, at }))
const seconds = (time: number) => at + time * 1000

describe("an answer of a model provider", () => {
  it("is a refusal with 429 and 529, and with a usage limit under another status", () => {
    expect(answer(429)).toEqual({ reason: "rate-limit" })
    expect(answer(529)).toEqual({ reason: "overloaded" })
    expect(answer(400, {}, '{"error":{"message":"Your credit balance is too low"}}')).toEqual({
      reason: "usage-limit",
    })
    expect(
      answer(403, {}, '{"error":{"message":"You have reached your specified API usage limits"}}'),
    ).toEqual({
      reason: "usage-limit",
    })
    expect(answer(429, {}, '{"error":{"code":"insufficient_quota"}}')).toEqual({ reason: "usage-limit" })
  })

  it("is none otherwise", () => {
    expect(answer(200, { "retry-after": "60" }, "usage limit")).toBeUndefined()
    expect(answer(400, {}, '{"error":{"message":"max_tokens: must be positive"}}')).toBeUndefined()
    expect(answer(401)).toBeUndefined()
    expect(answer(500)).toBeUndefined()
  })

  it("says until when, in seconds or as a date", () => {
    expect(answer(429, { "retry-after": "60" })?.until).toBe(seconds(60))
    expect(answer(529, { "retry-after": "Fri, 01 Jan 2027 12:05:00 GMT" })?.until).toBe(seconds(300))
    expect(answer(429, { "retry-after": "soon" })?.until).toBeUndefined()
  })

  it("says by the reset of what is used up, and not of what is left", () => {
    expect(
      answer(429, {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2027-01-01T12:01:00Z",
        "anthropic-ratelimit-tokens-remaining": "50000",
        "anthropic-ratelimit-tokens-reset": "2027-01-01T13:00:00Z",
      })?.until,
    ).toBe(seconds(60))
    expect(
      answer(429, {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-remaining-tokens": "12",
        "x-ratelimit-reset-tokens": "20ms",
      })?.until,
    ).toBe(seconds(360))
  })

  it("says by the reset of a plan's limit", () => {
    expect(
      answer(429, {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": String(seconds(7200) / 1000),
      }),
    ).toEqual({ reason: "usage-limit", until: seconds(7200) })
    const body = '{"error":{"type":"usage_limit_reached","resets_in_seconds":3600}}'
    expect(answer(429, {}, body)).toEqual({ reason: "usage-limit", until: seconds(3600) })
  })

  it("waits for the last of several, and for no time that is past or absurd", () => {
    expect(
      answer(429, {
        "retry-after": "5",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1m30s",
      })?.until,
    ).toBe(seconds(90))
    expect(answer(429, { "retry-after": "99999999" })?.until).toBeUndefined()
    expect(answer(429, { "retry-after": "Thu, 01 Jan 2026 12:00:00 GMT" })?.until).toBeUndefined()
  })
})
