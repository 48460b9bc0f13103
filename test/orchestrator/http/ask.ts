/** Requests as a browser or an attacker makes them: every header as it is given. */
import { Effect } from "effect"
import { request, type RequestOptions } from "node:http"

/** An answer. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
}

/** What to ask for. */
export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>> | ReadonlyArray<string>
  readonly body?: string
  /** Called with the status once the answer begins. */
  readonly onBegin?: (status: number) => void
}

/** Asks a service that listens at `HOST:PORT`. */
export const ask = (
  listening: string,
  path: string,
  { method = "GET", headers = {}, body, onBegin }: Asking = {},
) =>
  Effect.async<Answer>((resume) => {
    const [host = "", port = ""] = listening.split(":")
    const options = { host, port, path, method, headers, agent: false, setHost: !Array.isArray(headers) }
    const sent = request(options as RequestOptions, (response) => {
      onBegin?.(response.statusCode ?? 0)
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () =>
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString("utf8"),
            headers: response.headers,
          }),
        ),
      )
    })
    sent.on("error", (error) => resume(Effect.die(error)))
    sent.end(body)
  })

/** Sends a form as the service's own page does. */
export const form = (fields: Readonly<Record<string, string>>, listening: string): Asking => ({
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded", origin: `http://${listening}` },
  body: new URLSearchParams(fields).toString(),
})
