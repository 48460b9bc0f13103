/** Joins two sockets: bytes pass in both directions with backpressure, each direction until its own end. */
import { Effect } from "effect"
import type { Socket } from "node:net"

/** Two joined sockets. */
export interface Pair {
  readonly client: Socket
  readonly upstream: Socket
  /** Ends it, for a reason. */
  readonly cut: (reason: string) => void
}

/**
 * Joins two sockets that allow half-open connections. `begin` of the client has already been read, and `pour` passes on what the
 * upstream sends. Completes when both have closed, and returns why if they did not both end normally. `joined` gets the pair, and the
 * function it returns is called at the end.
 */
export const splice = (
  client: Socket,
  upstream: Socket,
  begin: Buffer,
  pour: (from: Socket, to: Socket) => void,
  joined: (pair: Pair) => () => void,
): Effect.Effect<string | undefined> =>
  Effect.async<string | undefined>((resume) => {
    let reason: string | undefined
    const broken = (why: string) => {
      reason ??= why
    }
    const cut = (why: string) => {
      broken(why)
      client.destroy()
      upstream.destroy()
    }
    const leave = joined({ client, upstream, cut })
    const look = () => {
      if (!client.closed || !upstream.closed) return
      leave()
      resume(Effect.succeed(reason))
    }
    client.on("error", () => broken("the agent's side broke off"))
    upstream.on("error", (error: NodeJS.ErrnoException) =>
      broken(`the host's side broke off (${error.code})`),
    )
    client.on("close", () => {
      if (!upstream.readableEnded || !upstream.writableFinished) {
        if (!client.readableEnded) broken("the agent's side broke off")
        upstream.destroy()
      }
      look()
    })
    upstream.on("close", () => {
      // Data that the host has sent still goes to the client, even if the host has closed.
      if (!upstream.readableEnded) broken("the host's side broke off")
      client.destroySoon()
      look()
    })
    if (begin.length > 0) upstream.write(begin)
    client.pipe(upstream)
    pour(upstream, client)
    if (client.destroyed || upstream.destroyed) {
      cut("one side had gone before")
      look()
    }
    return Effect.sync(() => {
      leave()
      cut("the sidecar ended")
    })
  })
