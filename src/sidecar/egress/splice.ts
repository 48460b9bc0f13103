/** Two sockets as one: bytes pass in both directions at the pace of whoever is slower, each direction until its own end. */
import { Effect } from "effect"
import type { Socket } from "node:net"

/** Two sockets through which bytes pass. */
export interface Pair {
  readonly client: Socket
  readonly upstream: Socket
  /** Ends it, for a reason. */
  readonly cut: (reason: string) => void
}

/**
 * Joins two sockets that allow half-open connections; `begin` of the client's has been read already, and `pour` passes
 * on what the upstream sends. Done when both have closed; answers why when that was not by both ends. `joined` gets the pair, and what it returns is called
 * when all is over.
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
      // What the host has sent is still for the client, even when the host has gone.
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
