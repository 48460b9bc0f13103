/** Holds a tunnel until its client has asked, in a TLS hello, for the host that was allowed. */
import { Effect } from "effect"
import type { Socket } from "node:net"
import type { Host } from "../../domain/Hosts.ts"
import { EGRESS_REASONS } from "../../domain/EgressRefusals.ts"
import { type Hello, readClientHello } from "./clientHello.ts"
import { Refused, rejected } from "../outside/Refused.ts"

/** A hello is never longer, including its records. */
const BYTES_MAX = 64 * 1024

/** TLS alerts, which determine the client's own error message. */
const ALERT = { decodeError: 50, accessDenied: 49, unrecognizedName: 112 } as const

/**
 * Reads from the client until its hello is complete and names `host`. Returns all bytes read, and leaves the socket paused. `head`
 * contains the bytes before that.
 */
export const firstHello = (
  client: Socket,
  head: Buffer,
  host: Host,
  withinMs: number,
): Effect.Effect<Buffer, Refused> =>
  Effect.async<Buffer, Refused>((resume) => {
    const chunks = [head]
    let size = head.length
    let needed = 1
    const end = (result: Effect.Effect<Buffer, Refused>) => {
      stop()
      resume(result)
    }
    const look = () => {
      if (size < needed) return
      if (size > BYTES_MAX) return end(rejected("the TLS hello is too large", ALERT.decodeError))
      const bytes = Buffer.concat(chunks)
      const hello = readClientHello(bytes)
      if (hello.kind === "More") needed = hello.bytes
      else end(verdict(hello, host, bytes))
      chunks.splice(0, chunks.length, bytes)
    }
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      look()
    }
    const onGone = () => end(rejected("its client left before a TLS hello"))
    const stop = () => {
      client.off("data", onData).off("end", onGone).off("close", onGone).pause()
    }
    client.on("data", onData).on("end", onGone).on("close", onGone)
    look()
    // A client that ended while its host was dialled sends no more, and emits no second end.
    if (client.destroyed || client.readableEnded) onGone()
    return Effect.sync(stop)
  }).pipe(
    Effect.timeoutFail({
      duration: withinMs,
      onTimeout: () => new Refused({ outcome: "rejected", status: 408, reason: "no TLS hello came in time" }),
    }),
  )

const verdict = (
  hello: Exclude<Hello, { readonly kind: "More" }>,
  host: Host,
  bytes: Buffer,
): Effect.Effect<Buffer, Refused> => {
  if (hello.kind === "NotTls") return rejected(EGRESS_REASONS.notTls)
  if (hello.kind === "Bad") return rejected(hello.problem, ALERT.decodeError)
  // Encrypted, it could name a host that nobody sees here, whatever the outer name is.
  if (hello.encrypted)
    return rejected("the TLS hello hides a name (ECH): disable it in the client", ALERT.accessDenied)
  if (hello.serverName === undefined) return rejected(EGRESS_REASONS.noName, ALERT.unrecognizedName)
  return hello.serverName === host.text
    ? Effect.succeed(bytes)
    : rejected(`the TLS hello names ${printable(hello.serverName)}`, ALERT.unrecognizedName)
}

const printable = (text: string): string => text.slice(0, 260).replaceAll(/[^\x21-\x7e]/g, "?")
