/** Ends connections with a started request that makes no progress, or a response that is not read. An idle connection may stay. */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** State of a connection. */
interface Watched {
  /** The current request, and when its head was complete. */
  request: IncomingMessage | undefined
  since: number
  /** Bytes read when the last request ended: more than that is the beginning of another. */
  bytes: number
  /** Whether the client has a time limit to read its response. */
  unread: boolean
}

/** A watch over connections. */
export interface Watch {
  readonly stop: () => void
  /** Exempts a request with its own limit. */
  readonly release: (request: IncomingMessage) => void
}

/** Checks the server's connections periodically, until it is stopped. */
export const watchStalled = (server: Server, timeoutMs: number): Watch => {
  const released = new WeakSet<IncomingMessage>()
  const watched = new Map<Socket, Watched>()
  server.on("connection", (socket: Socket) => {
    watched.set(socket, { request: undefined, since: 0, bytes: 0, unread: false })
    socket.once("close", () => watched.delete(socket))
  })
  // A tunnel has its own limits.
  server.on("connect", ({ socket }: IncomingMessage) => void watched.delete(socket))
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    const state = watched.get(socket)
    if (state === undefined) return
    state.request = request
    state.since = Date.now()
    response.on("finish", () => {
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
 * Unread data is held here; the rest of a streaming response waits outside. Node's own socket timeout observes each part of a write
 * that the client reads, and its HTTP server then ends the connection.
 */
const limitReading = (socket: Socket, state: Watched, timeoutMs: number): void => {
  const unread = socket.writableLength > 0
  if (unread && !state.unread) socket.setTimeout(timeoutMs)
  // The server has set another one when it waits for the next request.
  else if (!unread && state.unread && socket.timeout === timeoutMs) socket.setTimeout(0)
  state.unread = unread
}

const refuse = (socket: Socket, state: Watched): void => {
  if (state.request === undefined) socket.write("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")
  endSocket(socket)
}

/** Ends a connection when its data is sent, or after a second. */
export const endSocket = (socket: Socket): void => {
  socket.destroySoon()
  setTimeout(() => socket.destroy(), 1000).unref()
}
