/** podman's command line, 4.3 and later: docker-compatible, but with defaults that would expose parts of this machine to a bottle. */
import { accessSync, constants, existsSync } from "node:fs"
import { join } from "node:path"
import { Effect, Option, Schema } from "effect"
import type { Dialect } from "../docker/dialect.ts"
import { lastLine } from "../docker/dialect.ts"
import { folderOfMachine } from "../home/machine.ts"

/** podman on this machine. */
export const podman: Dialect = {
  name: "podman",
  program: "podman",
  // Its warnings would end up in the agent's stderr, which its client shares.
  globals: ["--log-level=error"],
  needsPipe: ["export"],
  environment: [
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "REGISTRY_AUTH_FILE",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "TMPDIR",
  ],
  install:
    'no program "podman" in PATH: install podman 4.3 or later, or choose another backend with --backend',
  unusable: (env) => {
    const isOurs = (name: string, url: string) => name === "CONTAINER_HOST" && url.startsWith("unix://")
    const remote = ["CONTAINER_HOST", "CONTAINER_CONNECTION"].find(
      (name) => env[name] && !isOurs(name, env[name]),
    )
    if (remote !== undefined) {
      return `${remote} makes podman a client of a service, which cannot mount the neck of a bottle from here: unset it`
    }
    return process.platform === "linux"
      ? undefined
      : "podman runs its containers in a virtual machine here, which cannot mount the neck of a bottle: use bot-bottle on Linux, or another backend"
  },
  info: "engine {{.Version.Version}} ({{.Host.OS}}, {{.Store.GraphRoot}}{{if .Host.Security.Rootless}}, rootless{{end}})",
  // podman has no ID of its own: its objects are those in its store.
  engineName: (info) => Option.map(decodeInfo(info), ({ store }) => nameOfStore(store)),
  trouble: (stderr) => {
    if (/cannot (connect|re-exec|find newuidmap)|unable to connect to podman socket/i.test(stderr)) {
      return `podman does not work for this user: ${lastLine(stderr)}`
    }
    if (/container-init binary not found/i.test(stderr)) {
      return "podman has no init for its containers: install catatonit, or set init_path in containers.conf"
    }
    return undefined
  },
  url: ({ CONTAINER_HOST: chosen = "", XDG_RUNTIME_DIR: runtime }) => {
    if (chosen !== "") return { url: chosen }
    const usual = usualSocket(runtime)
    return existsSync(usual) ? { url: `unix://${usual}`, optional: true } : undefined
  },
  // Its own API describes objects as its command line does. The one that is docker's gives them other IDs.
  apiPrefix: "/v4.0.0/libpod",
  otherEngine: (bySocket, byCommandLine) => {
    const [service, own] = [bySocket, byCommandLine].map((info) => Option.getOrUndefined(decodeInfo(info)))
    if (service === undefined || own === undefined) return Option.some("described itself in an unknown form")
    if (service.host.hostname !== own.host.hostname || !sameStore(service.store, own.store))
      return Option.some(`has other containers than the podman of this user (${service.store.graphRoot})`)
    if (service.host.eventLogger === "none") return Option.some("records no events (events_logger)")
    return Option.none()
  },
  // What isolates it is put together by `init`: the service may have another configuration, such as a mounts.conf or hooks.
  prepare: ["init"],
  unreachable: () => undefined,
  missing: (stderr) => /no such container|no such object|image not known/i.test(stderr),
  taken: (stderr) => /container name .* is already in use/i.test(stderr),
  create: (runDirectory) => [
    ...NOTHING_OF_THIS_MACHINE,
    "--mount",
    `type=bind,source=${hostsFile(runDirectory)},target=/etc/hosts,readonly`,
    // SELinux lets no container connect to our sockets. Without SELinux this has no effect.
    "--security-opt",
    "label=disable",
    ...initPath(),
  ],
  files: (runDirectory) => ({ [hostsFile(runDirectory)]: HOSTS }),
  // A user who is not root has no limits under cgroup v1.
  lostLimit: /^(?:time=.*msg=")?(.*(not supported and ignored|discarded).*)$/im,
  start: ["start", "--attach", "--sig-proxy=false"],
  // Without it a removal sends TERM first and waits 10 s.
  remove: ["rm", "--force", "--volumes", "--time", "0"],
  // podman's own image format has no HEALTHCHECK, SHELL or ONBUILD.
  commit: ["commit", "--quiet", "--pause", "--format", "docker"],
  // With --tail it loses lines that a program wrote in pieces, as catatonit does.
  lastLogs: ["logs"],
  build: (always) => ["build", "--format", "docker", `--pull=${always ? "always" : "missing"}`],
  copyOut: ["cp"],
  imagePrefix: "localhost/",
  pullName: qualified,
}

const decodeInfo = Schema.decodeUnknownOption(
  Schema.Struct({
    host: Schema.Struct({ hostname: Schema.String, eventLogger: Schema.String }),
    store: Schema.Struct({ graphDriverName: Schema.String, graphRoot: Schema.String }),
  }),
)

type Store = { readonly graphDriverName: string; readonly graphRoot: string }

const nameOfStore = ({ graphDriverName, graphRoot }: Store) =>
  `${graphDriverName} ${folderOfMachine(graphRoot)}`

const sameStore = (one: Store, other: Store) => nameOfStore(one) === nameOfStore(other)

/** Where a user's service listens. https://docs.podman.io/en/latest/markdown/podman-system-service.1.html */
const usualSocket = (runtime: string | undefined): string => {
  const uid = process.getuid?.() ?? 0
  const folder = uid === 0 ? "/run" : (runtime ?? `/run/user/${uid}`)
  return join(folder, "podman", "podman.sock")
}

/**
 * podman gives a container our environment's proxies or, by containers.conf, the whole environment, and the mounts of a system's
 * mounts.conf.
 */
const NOTHING_OF_THIS_MACHINE = [
  "--http-proxy=false",
  "--env-host=false",
  "--default-mounts-file",
  "/dev/null",
]

const hostsFile = (runDirectory: string) => join(runDirectory, "hosts")

/** podman would copy this machine's own file, with the names of its neighbours. */
const HOSTS = "127.0.0.1 localhost bottle\n::1 localhost\n"

/** Where podman looks for an init program. */
const OWN_INITS = ["/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit"]

/** Only static ones: a tini that needs libraries does not start in an image with other libraries. */
const OTHER_INITS = ["/usr/bin/catatonit", "/usr/bin/tini-static", "/usr/bin/docker-init"]

/** Debian's podman is installed with any of several init programs, but looks for only one of them. */
const initPath = (): ReadonlyArray<string> => {
  if (OWN_INITS.some(isExecutable)) return []
  const found = OTHER_INITS.find(isExecutable)
  return found === undefined ? [] : ["--init-path", found]
}

const isExecutable = (path: string): boolean =>
  Effect.runSync(Effect.isSuccess(Effect.try(() => accessSync(path, constants.X_OK))))

/** podman would ask for the registry of a short name, or refuse it: here it is expanded as docker does. */
export function qualified(reference: string): string {
  const [first = "", ...rest] = reference.split("/")
  if (rest.length === 0) return `docker.io/library/${reference}`
  return /[.:]/.test(first) || first === "localhost" ? reference : `docker.io/${reference}`
}
