/** An agent that asks a person through its neck, and the person. */
import { Effect } from "effect"
import { join } from "node:path"
import { RequestDecision, RequestId } from "../../src/domain/AgentRequest.ts"
import * as RequestFiles from "../../src/sidecar/record/RequestFiles.ts"
import { rpc } from "./rpc.ts"

/** What an agent is answered about a request. */
export interface Told {
  readonly id: RequestId
  readonly state: string
  readonly by?: string
  readonly inForce?: boolean
  readonly text?: string
}

/** Asks; the request's answer. */
export const ask = (socketPath: string, kind: string, detail: string, reason = "It is needed.") =>
  Effect.map(rpc(socketPath, "request", { kind, detail, reason }), ({ result, error }) =>
    error === undefined ? (result as Told) : error.message,
  )

/** Asks for something that may be asked for. */
export const asked = (...given: Parameters<typeof ask>) =>
  Effect.flatMap(ask(...given), (told) =>
    typeof told === "string" ? Effect.dieMessage(told) : Effect.succeed(told.id),
  )

/** What became of a request. */
export const status = (socketPath: string, id: string, wait = 0) =>
  Effect.map(rpc(socketPath, "request_status", { id, wait }), ({ result, error }) =>
    error === undefined ? (result as Told) : error.message,
  )

/** A person decides about a request in a state directory. False: somebody was first. */
export const decide = (stateDir: string, id: RequestId, decision: Partial<RequestDecision> = {}) =>
  RequestFiles.decide(join(stateDir, RequestFiles.REQUESTS_FOLDER), {
    version: 1,
    id,
    verdict: "approved",
    by: "ada",
    at: "2027-01-01T00:00:00.000Z",
    ...decision,
  })

/** All requests in a state directory. */
export const requestsIn = (stateDir: string) =>
  RequestFiles.reader(join(stateDir, RequestFiles.REQUESTS_FOLDER)).all
