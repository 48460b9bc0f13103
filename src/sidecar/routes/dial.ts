/** How a route reaches its upstream: with kept connections, and only at checked addresses. */
import { Option, type Runtime } from "effect"
import { type LookupAddress, lookup } from "node:dns"
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import type { LookupFunction } from "node:net"
import type { Destination } from "../../domain/AllowList.ts"
import { readHost } from "../../domain/Hosts.ts"
import { isPublicAddress } from "../outside/addresses.ts"
import type { ProxyFor } from "../outside/operatorProxy.ts"
import type { Route } from "./Route.ts"
import { tunnelAgent } from "./tunnel.ts"

/** Shorter than most servers keep an idle connection: a request on one that is just being closed would be lost. */
const IDLE_CONNECTION_MS = 4000

/** Error code when no address of an upstream may be dialled. */
export const PRIVATE_ONLY = "EPRIVATEADDRESS"

/**
 * Connections of a route to its upstream, through the operator's proxy if one applies. Plain http is only used in the operator's own
 * network.
 */
export const agentOf = (
  route: Route,
  proxyFor: ProxyFor,
  runtime: Runtime.Runtime<never>,
): HttpAgent | HttpsAgent => {
  const options = {
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    maxFreeSockets: 8,
    lookup: route.private ? lookup : lookupPublic,
  }
  if (route.protocol === "http:") return new HttpAgent(options)
  const host = readHost(route.hostname)
  const destination = Option.map(host, (host): Destination => ({
    host,
    port: Number(route.port || 443),
    by: "tunnel",
  }))
  return Option.match(
    Option.flatMap(destination, (destination) =>
      Option.map(proxyFor(destination), (proxy) => tunnelAgent(options, proxy, destination, runtime)),
    ),
    { onNone: () => new HttpsAgent(options), onSome: (agent) => agent },
  )
}

/** Resolves as node does for a connection, without addresses that are not public: the dialled address is the checked one. */
const lookupPublic: LookupFunction = (hostname, options, done) =>
  lookup(hostname, { ...options, all: true }, (error, addresses: ReadonlyArray<LookupAddress>) => {
    if (error !== null) return done(error, [])
    const [first, ...others] = addresses.filter(({ address }) => isPublicAddress(address))
    if (first === undefined) return done(Object.assign(new Error(PRIVATE_ONLY), { code: PRIVATE_ONLY }), [])
    return options.all === true ? done(null, [first, ...others]) : done(null, first.address, first.family)
  })
