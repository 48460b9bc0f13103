/** What a CONNECT is answered, and how a connection is ended so that its client sees the last word. */
import { STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import { type Refused, refusalText } from "../outside/Refused.ts"

/** The answer after which bytes pass. */
export const ESTABLISHED = "HTTP/1.1 200 Connection Established\r\n\r\n"

/** Answers with a text, and ends. */
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

/** Tells why, in the protocol that its client speaks by now. */
export const refuseTunnel = (client: Socket, refused: Refused, target: string): void =>
  refused.alert === undefined
    ? answerTunnel(client, refused.status, refusalText(refused, target))
    : endWith(client, alertRecord(refused.alert))

const LAST_WORD_MS = 1000

/** Closed with unread bytes a socket is reset, and its client might lose what was written. */
const endWith = (client: Socket, last: string | Buffer): void => {
  client.end(last)
  client.resume()
  const timer = setTimeout(() => client.destroy(), LAST_WORD_MS).unref()
  client.once("close", () => clearTimeout(timer))
}

/** A fatal alert in a record of its own (RFC 8446, 5.1 and 6). */
const alertRecord = (description: number): Buffer => Buffer.from([21, 3, 3, 0, 2, 2, description])
