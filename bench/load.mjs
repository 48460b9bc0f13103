// A load of equal requests on a Unix socket. It writes prepared bytes and counts those that come back, because a
// whole HTTP client would cost more than the servers that it is to compare.
import { connect } from "node:net"

const CRLF = "\r\n"

/** The bytes of a call at `/rpc`. */
export const rpcRequest = (method, params) => {
  const body = JSON.stringify({ jsonrpc: "2.0", method, params, id: 1 })
  const head = [
    "POST /rpc HTTP/1.1",
    "host: neck",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join(CRLF)}${CRLF}${CRLF}${body}`)
}

/** Asks once; answers head and body. */
export const ask = (socketPath, request) =>
  new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    let text = ""
    socket.setEncoding("utf8")
    socket.on("error", reject)
    socket.on("data", (chunk) => {
      text += chunk
      const size = sizeOf(text)
      if (size === undefined || Buffer.byteLength(text) < size) return
      socket.destroy()
      const [head, body] = text.split(CRLF + CRLF, 2)
      resolve({ head, body, size })
    })
    socket.write(request)
  })

const sizeOf = (text) => {
  const end = text.indexOf(CRLF + CRLF)
  const length = /content-length: (\d+)/i.exec(text.slice(0, Math.max(end, 0)))?.[1]
  return length === undefined ? undefined : Buffer.byteLength(text.slice(0, end)) + 4 + Number(length)
}

/** Sends `count` requests over `inFlight` connections, one at a time on each; answers milliseconds for each request, and the p99 of their latencies. */
export const load = async (socketPath, request, { count, inFlight, answerSize }) => {
  const latencies = new Float64Array(count)
  let sent = 0
  let answered = 0
  const sockets = await Promise.all(Array.from({ length: inFlight }, () => open(socketPath)))
  const start = performance.now()
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise((resolve, reject) => {
          let missing = 0
          let began = 0
          const next = () => {
            if (sent === count) return resolve()
            sent += 1
            missing = answerSize
            began = performance.now()
            socket.write(request)
          }
          socket.on("error", reject)
          socket.on("close", () => reject(new Error(`${socketPath}: closed the connection`)))
          socket.on("data", (chunk) => {
            missing -= chunk.length
            if (missing > 0) return
            if (missing < 0) return reject(new Error(`${socketPath}: an answer of another size`))
            latencies[answered] = performance.now() - began
            answered += 1
            next()
          })
          next()
        }),
    ),
  )
  const all = performance.now() - start
  for (const socket of sockets) {
    socket.removeAllListeners("close")
    socket.destroy()
  }
  latencies.sort()
  return { each: all / count, p99: latencies[Math.floor(count * 0.99)] }
}

const open = (socketPath) =>
  new Promise((resolve, reject) => {
    const socket = connect(socketPath, () => resolve(socket))
    socket.once("error", reject)
  })
