/** SignIns stores one-time codes and sessions of operators, by digest: neither a code nor a cookie can be made from what is stored. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"

/** A one-time code that signs an operator in. */
export interface SignInCode {
  /** SHA-256 of the code, in hexadecimal. */
  readonly digest: string
  readonly operator: string
  /** When it expires, in milliseconds since the epoch. */
  readonly until: number
}

/** A session of an operator's browser. */
export interface Session extends SignInCode {
  /** What ties it to the operator's token as it was at sign-in. */
  readonly proof: string
}

/** SignIns stores one-time codes and sessions of operators. */
export class SignIns extends Context.Tag("bot-bottle/SignIns")<
  SignIns,
  {
    readonly addCode: (code: SignInCode) => Effect.Effect<void, StateStoreError>
    /** Takes a code, which is gone then: of any number of callers one gets its operator. None when it is unknown or has expired. */
    readonly takeCode: (digest: string, now: number) => Effect.Effect<Option.Option<string>, StateStoreError>
    /** Stores a session. Of one operator's sessions the newest {@link SESSIONS_MAX} are kept. */
    readonly addSession: (session: Session) => Effect.Effect<void, StateStoreError>
    /** None when it is unknown or has expired. */
    readonly session: (
      digest: string,
      now: number,
    ) => Effect.Effect<Option.Option<Pick<Session, "operator" | "proof">>, StateStoreError>
    /** Idempotent. */
    readonly endSession: (digest: string) => Effect.Effect<void, StateStoreError>
    /** Deletes what has expired. */
    readonly forget: (now: number) => Effect.Effect<void, StateStoreError>
  }
>() {}

/** So many sessions of one operator are kept. */
export const SESSIONS_MAX = 50
