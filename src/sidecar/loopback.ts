/** A neck on a loopback port, for the backend without isolation: no response without the run's secrets. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { randomBytes } from "node:crypto"
import type { AddressInfo } from "node:net"
import type { Server } from "node:http"
import { NECK_URL } from "../domain/Neck.ts"
import { replaceFile, unlinkIfThere } from "../files/files.ts"
import { type Gate, PROXY_USER, loopbackGate } from "./http/gates.ts"
import { ListenFailure } from "./http/listenUnix.ts"
import type { Neck } from "./NeckServer.ts"
import { routeVariables } from "../domain/RouteVariables.ts"

/**
 * Serves the neck on 127.0.0.1 with its own port, path prefix and proxy password, and writes how to reach it to `path` (mode 0600, for
 * a POSIX shell to source). The file is removed when the scope closes.
 */
export const serveLoopback = (
  neck: Neck,
  path: string,
  routes: ReadonlyArray<string>,
  workDirectory: string,
): Effect.Effect<void, ListenFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const secret = { prefix: token(), password: token() }
    let address = ""
    const gate: Gate = loopbackGate(secret, () => address)
    const server = yield* neck.server(gate)
    address = `127.0.0.1:${yield* listen(server)}`
    yield* Effect.acquireRelease(replaceFile(path, exportsOf(address, secret, routes), workDirectory), () =>
      Effect.ignore(unlinkIfThere(path)),
    ).pipe(Effect.mapError(({ cause }) => new ListenFailure({ reason: `cannot write ${path}`, cause })))
  })

const token = (): string => randomBytes(24).toString("base64url")

const listen = (server: Server): Effect.Effect<number, ListenFailure> =>
  Effect.async((resume) => {
    server.once("error", (cause) =>
      resume(Effect.fail(new ListenFailure({ reason: "cannot listen on 127.0.0.1", cause }))),
    )
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

const exportsOf = (
  address: string,
  secret: { readonly prefix: string; readonly password: string },
  routes: ReadonlyArray<string>,
): string => {
  const neck = `http://${address}/${secret.prefix}`
  const proxy = `http://${PROXY_USER}:${secret.password}@${address}`
  const variables = {
    BOT_BOTTLE_NECK: neck,
    ...routeVariables(neck, routes),
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    http_proxy: proxy,
    https_proxy: proxy,
  }
  return [
    ...Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`),
    ...gitRewrites(neck),
  ].join("")
}

/**
 * Redirects git from the neck's address in a bottle with its own network to this one: a repository's stored configuration has neither
 * this run's port nor its secret. One more entry in git's environment (git-config(1)).
 */
const gitRewrites = (neck: string): ReadonlyArray<string> => [
  `export "GIT_CONFIG_KEY_\${GIT_CONFIG_COUNT:-0}=url.${neck}/.insteadOf"\n`,
  `export "GIT_CONFIG_VALUE_\${GIT_CONFIG_COUNT:-0}=${NECK_URL}/"\n`,
  "export GIT_CONFIG_COUNT=$((${GIT_CONFIG_COUNT:-0} + 1))\n",
]
