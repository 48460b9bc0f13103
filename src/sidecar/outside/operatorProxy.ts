/** The proxy in the operator's environment, by the usual variables: HTTPS_PROXY, HTTP_PROXY, NO_PROXY. */
import { Config, Effect, Option, type Scope } from "effect"
import { type ClientRequest, request as askHttp } from "node:http"
import type { Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import type { Destination } from "../../domain/AllowList.ts"
import { authorityOf } from "./destination.ts"
import { connected, dialName } from "./dial.ts"
import { type Refused, failed } from "./Refused.ts"

/** An operator's proxy. */
export interface OperatorProxy {
  readonly url: URL
  /** The value of Proxy-Authorization, if required. */
  readonly authorization: string | undefined
}

/** The proxy for a destination; none: it is dialled directly. */
export type ProxyFor = (destination: Destination) => Option.Option<OperatorProxy>

/** The lower-case name takes precedence, as in curl. Empty counts as unset. */
const variable = (name: string): Effect.Effect<string> =>
  Effect.forEach([name.toLowerCase(), name], (one) => Config.string(one).pipe(Config.withDefault(""))).pipe(
    Effect.map((found) => found.find((text) => text !== "") ?? ""),
    Effect.orElseSucceed(() => ""),
  )

/** Reads the environment once. */
export const operatorProxies: Effect.Effect<ProxyFor> = Effect.gen(function* () {
  const tunnels = proxyOf(yield* variable("HTTPS_PROXY"))
  const plain = proxyOf(yield* variable("HTTP_PROXY"))
  const isExcepted = exceptions(yield* variable("NO_PROXY"))
  return (destination) =>
    Option.filter(destination.by === "tunnel" ? tunnels : plain, () => !isExcepted(destination))
})

const proxyOf = (text: string): Option.Option<OperatorProxy> => {
  const address = text === "" || /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`
  if (!URL.canParse(address)) return Option.none()
  const url = new URL(address)
  const login = `${decoded(url.username)}:${decoded(url.password)}`
  return Option.some({
    url,
    authorization: login === ":" ? undefined : `Basic ${Buffer.from(login).toString("base64")}`,
  })
}

/** Left as it is if it is not valid encoding: a proxy's password may contain a percent sign. */
const decoded = (text: string): string =>
  Option.getOrElse(Option.liftThrowable(decodeURIComponent)(text), () => text)

/** A list such as `localhost,.example.com,10.0.0.1:8080`; `*` matches everything. A name also matches everything below it. */
const exceptions = (text: string): ((destination: Destination) => boolean) => {
  const rules = text.toLowerCase().split(/[\s,]+/)
  return ({ host, port }) =>
    rules.some((rule) => {
      const [, name = "", only] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(rule) ?? []
      if (rule === "*") return true
      const isIt = host.text === rule || host.text === name || host.text.endsWith(`.${name}`)
      return name !== "" && isIt && (only === undefined || Number(only) === port)
    })
}

/** A connection to the proxy itself. */
export const toProxy = ({ url }: OperatorProxy): Effect.Effect<Socket, Refused, Scope.Scope> => {
  const host = url.hostname.replaceAll(/[[\]]/g, "")
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80))
  if (url.protocol === "http:") return dialName(host, port)
  if (url.protocol !== "https:") return failed(502, "the operator's proxy is neither http nor https")
  return connected(() => connectTls({ host, port, servername: host }), "secureConnect")
}

/** A connection to a destination through the proxy, which resolves the name and decides which addresses are allowed. */
export const throughProxy = (
  proxy: OperatorProxy,
  destination: Destination,
): Effect.Effect<Socket, Refused, Scope.Scope> =>
  Effect.flatMap(toProxy(proxy), (socket) =>
    Effect.async<Socket, Refused>((resume) => {
      const authority = authorityOf(destination)
      const asking: ClientRequest = askHttp({
        method: "CONNECT",
        path: authority,
        headers: {
          host: authority,
          ...(proxy.authorization !== undefined && { "proxy-authorization": proxy.authorization }),
        },
        createConnection: () => socket,
      })
      asking.once("connect", ({ statusCode = 0 }, _, head: Buffer) => {
        if (head.length > 0) socket.unshift(head)
        socket.allowHalfOpen = true
        resume(
          statusCode === 200
            ? Effect.succeed(socket)
            : failed(502, `the operator's proxy answered ${statusCode}`),
        )
      })
      asking.on("error", () => resume(failed(502, "the operator's proxy broke off")))
      asking.end()
    }).pipe(
      Effect.timeoutFail({
        duration: ANSWER_MS,
        onTimeout: () => failed(504, "the operator's proxy did not answer in time"),
      }),
    ),
  )

const ANSWER_MS = 30_000
