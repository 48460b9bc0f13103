/** Ends connections on which a request has begun and does not go on, or an answer is not read; one that says nothing at all may stay. */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** What is known of a connection. */
interface Watched {
  /** The request under way, and when its head was complete. */
  request: IncomingMessage | undefined
  since: number
  /** Bytes read when the last request was over: more than that is the begin of another. */
  bytes: number
  /** Whether the client is given a time to read its answer. */
  unread: boolean
}

/** A watch over connections. */
export interface Watch {
  readonly stop: () => void
  /** A request with a limit of its own: it is not watched any further. */
  readonly release: (request: IncomingMessage) => void
}

/** Looks at the server's connections from time to time, until it is stopped. */
export const watchStalled = (server: Server, timeoutMs: number): Watch => {
  const released = new WeakSet<IncomingMessage>()
  const watched = new Map<Socket, Watched>()
  server.on("connection", (socket: Socket) => {
    watched.set(socket, { request: undefined, since: 0, bytes: 0, unread: false })
    socket.once("close", () => watched.delete(socket))
  })
  // A tunnel has limits of its own.
  server.on("connect", ({ socket }: IncomingMessage) => void watched.delete(socket))
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    const state = watched.get(socket)
    if (state === undefined) return
    state.request = request
    state.since = Date.now()
    response.once("finish", () => {
      state.request = undefined
      state.since = 0
      state.bytes = socket.bytesRead
    })
  })
  const look = () => {
    const now = Date.now()
    for (const [socket, state] of watched) {
      limitReading(socket, state, timeoutMs)
      const isStalled =
        state.request === undefined
          ? socket.bytesRead > state.bytes
          : !state.request.complete && !released.has(state.request)
      if (!isStalled) continue
      if (state.since === 0) state.since = now
      else if (now - state.since > timeoutMs) refuse(socket, state)
    }
  }
  const timer = setInterval(look, Math.min(5000, Math.max(20, timeoutMs / 4)))
  timer.unref()
  return {
    stop: () => clearInterval(timer),
    release: (request) => void released.add(request),
  }
}

/**
 * What nobody reads is held here; the rest of an answer that streams waits outside. Node's own time-out of a socket
 * sees each part of a write that the client takes, and its HTTP server ends the connection at it.
 */
const limitReading = (socket: Socket, state: Watched, timeoutMs: number): void => {
  const unread = socket.writableLength > 0
  if (unread && !state.unread) socket.setTimeout(timeoutMs)
  // The server has given it another one, when it waits for the next request.
  else if (!unread && state.unread && socket.timeout === timeoutMs) socket.setTimeout(0)
  state.unread = unread
}

const refuse = (socket: Socket, state: Watched): void => {
  if (state.request === undefined) socket.write("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")
  endSocket(socket)
}

/** Ends a connection when what was written is out, or a second later. */
export const endSocket = (socket: Socket): void => {
  socket.destroySoon()
  setTimeout(() => socket.destroy(), 1000).unref()
}
