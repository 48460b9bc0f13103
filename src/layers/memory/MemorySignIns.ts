/** SignIns in memory: for tests, and for programs that need no persistence. */
import { Effect, Layer, Option } from "effect"
import { type Session, type SignInCode, SignIns, SESSIONS_MAX } from "../../services/SignIns.ts"

/** Empty, private to this layer. */
export const layer: Layer.Layer<SignIns> = Layer.sync(SignIns, () => {
  const codes = new Map<string, SignInCode>()
  const sessions = new Map<string, Session>()
  const forget = (rows: Map<string, SignInCode>, now: number): void => {
    for (const [digest, { until }] of rows) if (until <= now) rows.delete(digest)
  }
  return SignIns.of({
    addCode: (code) => Effect.sync(() => void codes.set(code.digest, code)),
    takeCode: (digest, now) =>
      Effect.sync(() => {
        const code = codes.get(digest)
        codes.delete(digest)
        return code !== undefined && code.until > now ? Option.some(code.operator) : Option.none()
      }),
    addSession: (session) =>
      Effect.sync(() => {
        sessions.set(session.digest, session)
        const own = [...sessions.values()].filter(({ operator }) => operator === session.operator)
        for (const { digest } of own.slice(0, -SESSIONS_MAX)) sessions.delete(digest)
      }),
    session: (digest, now) =>
      Effect.sync(() =>
        Option.filter(Option.fromNullable(sessions.get(digest)), ({ until }) => until > now).pipe(
          Option.map(({ operator, proof }) => ({ operator, proof })),
        ),
      ),
    endSession: (digest) => Effect.sync(() => void sessions.delete(digest)),
    forget: (now) =>
      Effect.sync(() => {
        forget(codes, now)
        forget(sessions, now)
      }),
  })
})
