/** How git reaches an upstream: at a checked address, or through the operator's proxy, and over ssh with the one key to the one host. */
import { Effect, Option } from "effect"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { OperatorProxy, ProxyFor } from "../outside/operatorProxy.ts"
import { addressesOf, type Resolve } from "../outside/Resolver.ts"
import { type FileFailure, file } from "../../files/files.ts"
import type { Upstream } from "./Upstream.ts"

/** What reaching an upstream needs in addition. */
export interface ReachContext {
  /** For this bottle only. */
  readonly directory: string
  readonly resolve: Resolve
  readonly proxyFor: ProxyFor
  /** Whether this machine's git accepts a fixed address for a host name: since 2.37. */
  readonly canPin: Effect.Effect<boolean>
  /** More environment variables for git, such as the location of certificates. */
  readonly env: Readonly<Record<string, string>>
}

/** What a run of git with the upstream needs. */
export interface Reach {
  readonly config: ReadonlyArray<readonly [string, string]>
  readonly env: Readonly<Record<string, string>>
}

/**
 * Prepares what stays the same. The returned effect runs before each connection to the upstream, and fails with the reason when it is
 * refused.
 */
export const makeReach = (
  context: ReachContext,
  upstream: Upstream,
): Effect.Effect<Effect.Effect<Reach, string>, FileFailure> =>
  Effect.gen(function* () {
    if (upstream.protocol !== "ssh:") return overHttp(context, upstream)
    const hosts = join(context.directory, `${upstream.name}.known_hosts`)
    yield* file(() => writeFile(hosts, `${upstream.knownHost ?? ""}\n`, { mode: 0o600 }))
    return overSsh(context, upstream, hosts)
  })

const overHttp = (context: ReachContext, upstream: Upstream): Effect.Effect<Reach, string> =>
  Effect.suspend(() => {
    const { host, port, protocol } = upstream
    const by = protocol === "https:" ? "tunnel" : "http"
    return Option.match(context.proxyFor({ host, port, by }), {
      onSome: (proxy) => Effect.succeed(proxied(context, upstream, proxy)),
      onNone: () => pinned(context, upstream),
    })
  })

/** The proxy resolves the name, and decides. It is set explicitly, because git has its own rules for which proxy applies. */
const proxied = ({ env }: ReachContext, { protocol }: Upstream, { url }: OperatorProxy): Reach => ({
  config: [],
  env: { ...env, [protocol === "https:" ? "https_proxy" : "http_proxy"]: url.href },
})

const pinned = Effect.fnUntraced(function* (context: ReachContext, upstream: Upstream) {
  const { host, port } = upstream
  const pinnedTo = (config: Reach["config"]): Reach => ({
    config: [["http.proxy", ""], ...config],
    env: context.env,
  })
  const addresses = yield* addressesFor(context, upstream)
  if (host.kind === "address") return pinnedTo([])
  if (!(yield* context.canPin))
    return upstream.private
      ? pinnedTo([])
      : yield* Effect.fail(
          "git on the host is older than 2.37 and cannot be pinned to a checked address: update git, or set private: true",
        )
  const list = addresses.map((address) => (address.includes(":") ? `[${address}]` : address)).join(",")
  return pinnedTo([["http.curloptResolve", `${host.text}:${port}:${list}`]])
})

const addressesFor = ({ resolve }: ReachContext, upstream: Upstream) =>
  Effect.mapError(
    addressesOf(resolve, upstream.host, { private: upstream.private, tls: true }),
    ({ reason }) => `the upstream was not asked: ${reason}`,
  )

/** Nothing of the operator's own ssh configuration is used. The host key is looked up by name, whatever the address. */
const overSsh = Effect.fnUntraced(function* (context: ReachContext, upstream: Upstream, hosts: string) {
  const [address] = yield* addressesFor(context, upstream)
  const options = [
    `HostName=${address}`,
    `HostKeyAlias=${nameOfKey(upstream)}`,
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "ForwardAgent=no",
    "ClearAllForwardings=yes",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    `UserKnownHostsFile="${hosts}"`,
    "GlobalKnownHostsFile=/dev/null",
    "ConnectTimeout=15",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
  ]
  const command = [
    "ssh -F /dev/null -i",
    quoted(upstream.identityFile ?? "/nonexistent"),
    ...options.map((option) => `-o ${quoted(option)}`),
  ]
  return { config: [], env: { ...context.env, GIT_SSH_VARIANT: "ssh", GIT_SSH_COMMAND: command.join(" ") } }
})

/** In the format of `known_hosts` (sshd(8)): with the port, unless it is the default. */
const nameOfKey = ({ host, port }: Upstream): string => (port === 22 ? host.text : `[${host.text}]:${port}`)

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
