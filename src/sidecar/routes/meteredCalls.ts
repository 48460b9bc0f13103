/** Meters calls to models: admits each within the run's limits, and counts what its response reports. */
import type { IncomingMessage } from "node:http"
import { type ModelPrice, type PriceTable, costAtMost, costOf, priceOf } from "../../domain/usage/Prices.ts"
import { type Asked, readRequest } from "../../domain/usage/readRequest.ts"
import { type Reported, isUsualTier, readUsage } from "../../domain/usage/readUsage.ts"
import type { ModelUse } from "../../domain/usage/RunMeter.ts"
import { NO_TOKENS, type Tokens, countOf, estimatedTokens } from "../../domain/usage/Tokens.ts"
import type { Reservation } from "../../domain/usage/UseLimits.ts"
import { AGENT_LEFT, type Admission, type Exchanged } from "../http/passOn.ts"
import type { AdmittedCall, MeterApi } from "../record/Meter.ts"
import { readAside } from "./aside.ts"
import { type LimitAnswer, type Refusal, apiOf, limitAnswer } from "./limitAnswers.ts"
import type { Route } from "./Route.ts"

/** One call to a model. */
export interface MeteredCall {
  /** Set if it is refused before its body is read. */
  readonly refusal: LimitAnswer | undefined
  /** Admits it when its body has been read. Absent: nothing is limited. */
  readonly admission?: Admission
  /** Called when the body passes on. */
  readonly asked: (request: IncomingMessage) => void
  /** Called when the response passes back. */
  readonly answered: (answer: IncomingMessage) => void
  /** Called once, at the end. */
  readonly ended: (ended: Exchanged) => void
}

/** Meters the calls of routes. Methods and paths that do not call a model are ignored. */
export type MeterModelCall = (route: Route, request: IncomingMessage, path: string) => MeteredCall | undefined

/** Reserved for a completion of a model whose maximum is not known, when the request names none. */
export const UNKNOWN_MAX_OUTPUT = 32_000

/** What a person may add to the limits of a run. */
export interface MoreBudget {
  /** Whether there may be any. */
  readonly isExpected: () => boolean
  /** Adds what is approved now, then calls back. */
  readonly add: (then: () => void) => void
}

const noMore: MoreBudget = { isExpected: () => false, add: (then) => then() }

/** Makes the meter of calls. */
export const meterModelCalls =
  (meter: MeterApi, prices: PriceTable, more: MoreBudget = noMore): MeterModelCall =>
  (route, { method = "" }, path) => {
    const api = apiOf(path)
    if (method !== "POST" || path.endsWith("/messages/count_tokens") || (!route.model && api === undefined))
      return undefined
    const { limits } = meter
    const isLimited = limits.tokens !== undefined || limits.cost !== undefined || limits.calls !== undefined
    const refused = (refusal: Refusal) => limitAnswer(api, refusal)
    const over = meter.over(more.isExpected())
    const request = readRequest(api)
    const response = readUsage()
    let whenAsked: ReturnType<typeof readAside>["whenRead"] = (done) => done(false)
    let whenAnswered = whenAsked
    let call: (CallToCount & { readonly admitted: AdmittedCall }) | undefined

    /** What the call may use, or why it is refused whatever is left. */
    const reckon = (isRead: boolean): Refusal | Reckoned => {
      const asked = request.asked()
      const isAmount = limits.tokens !== undefined || limits.cost !== undefined
      if (isAmount && (!isRead || asked.model === undefined)) return { why: "unreadable" }
      const price = priceFor(prices, asked.model, asked.tier)
      if (limits.cost !== undefined && price === undefined)
        return { why: "unpriced", model: asked.model ?? "" }
      const output =
        asked.completions * (asked.maxOutput ?? maxOutputOf(prices, asked.model) ?? UNKNOWN_MAX_OUTPUT)
      const counted = { route: route.name, asked, output, prices }
      const reservation = reservationOf(asked, output, price)
      return { counted, reservation }
    }

    const admit = (reckoned: Refusal | Reckoned): Refusal | undefined => {
      if ("why" in reckoned) return reckoned
      const { counted, reservation } = reckoned
      const worst = { ...useOf(counted, worstOf(counted), undefined), cost: reservation.expected.cost }
      const admitted = meter.admit(reservation, worst)
      if ("why" in admitted) return admitted
      call = { ...counted, admitted }
      return undefined
    }

    return {
      refusal: over === undefined ? undefined : refused({ why: "over", limit: over }),
      ...(isLimited && {
        admission: (done) =>
          whenAsked((isRead) => {
            const reckoned = reckon(isRead)
            const decide = () => {
              const refusal = admit(reckoned)
              done(refusal === undefined ? undefined : refused(refusal))
            }
            if ("why" in reckoned || !more.isExpected() || meter.fits(reckoned.reservation)) decide()
            else more.add(decide)
          }),
      }),
      asked: (body) => {
        whenAsked = readAside(body, request.push).whenRead
        if (!isLimited) whenAsked((isRead) => void admit(reckon(isRead)))
      },
      answered: (answer) => {
        whenAnswered = readAside(answer, response.push).whenRead
      },
      ended: (ended) =>
        whenAnswered(() => {
          if (call === undefined) return
          const reported = response.reported()
          call.admitted.used(useOf(call, tokensOf(call, reported, ended), reported))
        }),
    }
  }

interface CallToCount {
  readonly route: string
  readonly asked: Asked
  /** The most tokens that it may be answered with. */
  readonly output: number
  readonly prices: PriceTable
}

interface Reckoned {
  readonly counted: CallToCount
  readonly reservation: Reservation
}

interface Counted {
  readonly tokens: Tokens
  readonly isEstimated: boolean
}

const worstOf = ({ asked, output }: CallToCount): Counted => ({
  tokens: { ...NO_TOKENS, input: asked.input, output },
  isEstimated: true,
})

/** What a call used: as reported, or as far as it can be told from what passed. */
const tokensOf = (call: CallToCount, reported: Reported, { status, failure }: Exchanged): Counted => {
  const { tokens = NO_TOKENS, isWhole, isFailure, textBytes } = reported
  if (isWhole) return { tokens, isEstimated: false }
  // A provider does not charge for what it refuses or does not receive.
  if (status >= 400 || (status === 0 && failure !== AGENT_LEFT))
    return { tokens: NO_TOKENS, isEstimated: false }
  // What the agent did not wait for, and what a provider of a known model does not report, may be anything up to the most.
  const isUnseen =
    failure === AGENT_LEFT ||
    (failure === undefined && !isFailure && maxOutputOf(call.prices, call.asked.model) !== undefined)
  const written = Math.max(tokens.output, estimatedTokens(textBytes))
  return {
    tokens: {
      ...tokens,
      input: tokens.input > 0 ? tokens.input : call.asked.input,
      output: isUnseen ? Math.max(written, call.output) : written,
    },
    isEstimated: true,
  }
}

const useOf = (
  { route, asked, prices }: CallToCount,
  { tokens, isEstimated }: Counted,
  reported: Reported | undefined,
): ModelUse => {
  const tier = reported?.tier ?? asked.tier
  const price = priceFor(prices, reported?.model, tier) ?? priceFor(prices, asked.model, tier)
  const isUsed = countOf(tokens) > 0
  return {
    route,
    model: (reported?.model ?? asked.model ?? "").slice(0, 100),
    calls: 1,
    ...tokens,
    estimated: isEstimated && isUsed ? 1 : 0,
    cost: price === undefined ? 0 : costOf(price, tokens),
    unpriced: isUsed && price === undefined ? 1 : 0,
  }
}

/** Another tier than the usual one has another price, which is not known. */
const priceFor = (
  prices: PriceTable,
  model: string | undefined,
  tier: string | undefined,
): ModelPrice | undefined =>
  model === undefined || (tier !== undefined && !isUsualTier(tier)) ? undefined : priceOf(prices, model)

const maxOutputOf = (prices: PriceTable, model: string | undefined): number | undefined =>
  model === undefined ? undefined : priceOf(prices, model)?.maxOutput

const reservationOf = (
  { input, inputAtMost }: Asked,
  output: number,
  price: ModelPrice | undefined,
): Reservation => ({
  expected: {
    calls: 1,
    tokens: input + output,
    cost: price === undefined ? 0 : costAtMost(price, input, output),
  },
  most: {
    calls: 1,
    tokens: inputAtMost + output,
    cost: price === undefined ? 0 : costAtMost(price, inputAtMost, output),
  },
})
