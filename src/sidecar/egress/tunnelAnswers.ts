/** Responses to a CONNECT, and how to end a connection so that its client sees the last message. */
import { STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import { type Refused, refusalText } from "../outside/Refused.ts"

/** The response after which bytes pass. */
export const ESTABLISHED = "HTTP/1.1 200 Connection Established\r\n\r\n"

/** Sends a text as response, and ends. */
export const answerTunnel = (
  client: Socket,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void => {
  const fields = Object.entries({
    ...headers,
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(Buffer.byteLength(text)),
    connection: "close",
  })
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`]
  endWith(client, [...head, ...fields.map(([name, value]) => `${name}: ${value}`), "", text].join("\r\n"))
}

/** Sends the reason, in the protocol that the client speaks by now. */
export const refuseTunnel = (client: Socket, refused: Refused, target: string): void =>
  refused.alert === undefined
    ? answerTunnel(client, refused.status, refusalText(refused, target))
    : endWith(client, alertRecord(refused.alert))

const LAST_WORD_MS = 1000

/** A socket closed with unread bytes is reset, and its client might lose what was written. */
const endWith = (client: Socket, last: string | Buffer): void => {
  client.end(last)
  client.resume()
  const timer = setTimeout(() => client.destroy(), LAST_WORD_MS).unref()
  client.once("close", () => clearTimeout(timer))
}

/** A fatal alert in its own record (RFC 8446, 5.1 and 6). */
const alertRecord = (description: number): Buffer => Buffer.from([21, 3, 3, 0, 2, 2, description])
