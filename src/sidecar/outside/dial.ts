/** Connects to the first of several addresses that responds. Resolves no name. */
import { Effect, type Scope } from "effect"
import { type LookupFunction, type OnReadOpts, type Socket, connect, isIPv6 } from "node:net"
import { type Refused, failed } from "./Refused.ts"

const CONNECT_MS = 15_000
/** Delay before the next address is tried. */
const ATTEMPT_MS = 2000
const KEEP_ALIVE_MS = 60_000

/** A connection to the first of these addresses that responds. It is destroyed with the scope. With `onread` it is paused. */
export const dial = (
  addresses: readonly [string, ...ReadonlyArray<string>],
  port: number,
  onread?: OnReadOpts,
): Effect.Effect<Socket, Refused, Scope.Scope> =>
  // A nonexistent name, for which node calls `lookup`.
  dialName("egress.invalid", port, answering(addresses), onread)

/** A connection to a host that needs no check, resolved as the host does unless `lookup` is given. */
export const dialName = (
  host: string,
  port: number,
  lookup?: LookupFunction,
  onread?: OnReadOpts,
): Effect.Effect<Socket, Refused, Scope.Scope> =>
  connected(() => {
    const socket = connect({
      host,
      port,
      ...(lookup !== undefined && { lookup }),
      ...(onread !== undefined && { onread }),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    })
    return onread === undefined ? socket : socket.pause()
  })

/** Waits until a socket is connected, with a time limit. `event` signals that. */
export const connected = <S extends Socket>(
  open: () => S,
  event: "connect" | "secureConnect" = "connect",
): Effect.Effect<S, Refused, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(open), (socket) => Effect.sync(() => socket.destroy())).pipe(
    Effect.tap((socket) =>
      Effect.async<void, Refused>((resume) => {
        socket.once(event, () => resume(Effect.void))
        // Stays attached: an error after the connection must still have a listener.
        socket.on("error", (error: NodeJS.ErrnoException) =>
          resume(failed(502, `it could not be reached (${error.code ?? "unknown error"})`)),
        )
      }),
    ),
    Effect.timeoutFail({
      duration: CONNECT_MS,
      onTimeout: () => failed(504, "it did not answer in time"),
    }),
  )

const answering =
  (addresses: readonly [string, ...ReadonlyArray<string>]): LookupFunction =>
  (_, options, done) => {
    const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
    if (options.all === true) done(null, found)
    else done(null, addresses[0], isIPv6(addresses[0]) ? 6 : 4)
  }
