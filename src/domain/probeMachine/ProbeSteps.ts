/** Steps that several probes share: connect, send an HTTP request, read a file. */
import { cText, httpRequest, inetAddress, joined, little } from "./ProbeBytes.ts"
import type { Outcome, Step } from "./ProbeMachine.ts"
import { IN, OUT, OUT_BYTES } from "./ProbeMachine.ts"
import type { SystemCall } from "./SystemCalls.ts"

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, and types of sockets (linux/socket.h). */
export const AF = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const
/** Types of sockets (linux/net.h). */
export const SOCK = { stream: 1, datagram: 2, raw: 3 } as const

const MSG_WAITALL = 0x100
/** Avoids SIGPIPE on a closed connection. */
export const MSG_NOSIGNAL = 0x4000
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const SO_SNDTIMEO = 21
const AT_FDCWD = -100

/** A call with these arguments. */
export const call = (name: SystemCall, args: ReadonlyArray<number> = [], more: Partial<Step> = {}): Step => ({
  call: name,
  args,
  ...more,
})

/** Puts bytes into memory. */
export const poke = (data: Uint8Array, at = IN): Step => call("read", [0, at, data.length], { data })

/** Opens a socket and keeps it. Its reads and writes (including connect) time out after so many milliseconds. */
export const openSocket = (family: number, type: number, protocol = 0, waitMs = 150): ReadonlyArray<Step> => [
  call("socket", [family, type, protocol], { keep: true }),
  poke(joined([little(8, Math.floor(waitMs / 1000)), little(8, (waitMs % 1000) * 1000)])),
  call("setsockopt", [-1, SOL_SOCKET, SO_SNDTIMEO, IN, 16], { onKept: true }),
  call("setsockopt", [-1, SOL_SOCKET, SO_RCVTIMEO, IN, 16], { onKept: true }),
]

/** Connects the kept socket. */
export const connectTo = (address: Uint8Array): ReadonlyArray<Step> => [
  poke(address),
  call("connect", [-1, IN, address.length], { onKept: true }),
]

/** Sends bytes on the kept socket. */
export const send = (bytes: Uint8Array): ReadonlyArray<Step> => [
  poke(bytes),
  call("sendto", [-1, IN, bytes.length, MSG_NOSIGNAL], { onKept: true }),
]

/** Receives on the kept socket (with `all`, until it ends or the buffer is full) and outputs what came. */
export const receive = (all: boolean, most = 32 * 1024): ReadonlyArray<Step> => [
  call("recvfrom", [-1, OUT, Math.min(most, OUT_BYTES), all ? MSG_WAITALL : 0], { onKept: true }),
  call("write", [1, OUT], { lengthFromLast: true }),
]

/** Closes the kept descriptor. */
export const closeKept: Step = call("close", [-1], { onKept: true })

/** How long the neck may take to respond, in milliseconds. */
const ANSWER_MS = 20_000

/** Connects to the neck. */
export const toNeck = (waitMs = ANSWER_MS): ReadonlyArray<Step> => [
  ...openSocket(AF.inet, SOCK.stream, 0, waitMs),
  ...connectTo(inetAddress("127.0.0.1", 7317)),
]

/** Sends a request to the neck and outputs its whole response. */
export const askNeck = (
  line: string,
  headers: Readonly<Record<string, string>> = {},
  body?: Uint8Array,
): ReadonlyArray<Step> => [
  ...toNeck(),
  ...send(httpRequest(line, headers, body)),
  ...receive(true),
  closeKept,
]

/** Opens a file by its path and keeps it. */
export const openFile = (path: string, flags = 0): ReadonlyArray<Step> => {
  const name = cText(path)
  return [poke(name), call("openat", [AT_FDCWD, IN, flags, 0o600], { keep: true })]
}

/** Reads a file and outputs it. Files of /proc come in pieces of at most a page. */
export const readFile = (path: string, pieces = 1): ReadonlyArray<Step> => [
  ...openFile(path),
  ...Array.from({ length: pieces }, () => [
    call("read", [-1, OUT, OUT_BYTES], { onKept: true }),
    call("write", [1, OUT], { lengthFromLast: true }),
  ]).flat(),
  closeKept,
]

/** Everything that the outcomes output. */
export const shownBy = (outcomes: ReadonlyArray<Outcome>): Uint8Array =>
  joined(outcomes.map(({ shown }) => shown))

/** Lets a second pass: waits for nothing on a connection. */
export const rest: ReadonlyArray<Step> = [
  ...toNeck(1000),
  call("recvfrom", [-1, OUT, 1, 0], { onKept: true }),
  closeKept,
]
