/** How a route reaches its upstream: kept connections, and only addresses that were checked. */
import { type LookupAddress, lookup } from "node:dns"
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import type { LookupFunction } from "node:net"
import { isPublicAddress } from "../addresses.ts"
import type { Route } from "./Route.ts"

/** Under what most servers keep an idle connection: on one that they are just closing a request would be lost. */
const IDLE_CONNECTION_MS = 4000

/** Code of the error when no address of an upstream may be dialled. */
export const PRIVATE_ONLY = "EPRIVATEADDRESS"

/** Connections of a route to its upstream. */
export const agentOf = (route: Route): HttpAgent | HttpsAgent => {
  const options = {
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    maxFreeSockets: 8,
    lookup: route.private ? lookup : lookupPublic,
  }
  return route.protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options)
}

/** Resolves as node does for a connection, less what is not public: the address that is dialled is the one that was looked at. */
const lookupPublic: LookupFunction = (hostname, options, done) =>
  lookup(hostname, { ...options, all: true }, (error, addresses: ReadonlyArray<LookupAddress>) => {
    if (error !== null) return done(error, [])
    const [first, ...others] = addresses.filter(({ address }) => isPublicAddress(address))
    if (first === undefined) return done(Object.assign(new Error(PRIVATE_ONLY), { code: PRIVATE_ONLY }), [])
    return options.all === true ? done(null, [first, ...others]) : done(null, first.address, first.family)
  })
