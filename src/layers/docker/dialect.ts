/** Differences between docker-compatible command lines. */

import { Option, Schema } from "effect"
import { folderName } from "../home/machine.ts"
import type { EngineUrl } from "./engineUrl.ts"
import { dockerUrl } from "./engineUrl.ts"

/** A docker-compatible command line. */
export interface Dialect {
  /** Name of the backend. */
  readonly name: string
  readonly program: string
  /** Arguments before every command. */
  readonly globals: ReadonlyArray<string>
  /** Commands that open /dev/stdout. They fail when it is a socket, as node's pipes are. */
  readonly needsPipe: ReadonlyArray<string>
  /** Environment variables with which a user selects the engine. */
  readonly environment: ReadonlyArray<string>
  /** What to do when the program is not installed. */
  readonly install: string
  /** Why an engine selected by this environment cannot run bottles; none when it can. */
  readonly unusable: (env: Readonly<Record<string, string | undefined>>) => string | undefined
  /** Template of `info` for a line about the engine. */
  readonly info: string
  /** The name of the engine, from its description of itself. */
  readonly engineName: (info: unknown) => Option.Option<string>
  /** Arguments that return when the engine was started, as ISO 8601. Absent: its containers only end with the machine. */
  readonly startedAt?: ReadonlyArray<string>
  /** Why the engine did not respond, from the client's output; none when it did. */
  readonly trouble: (stderr: string) => string | undefined
  /** The engine that an environment selects. */
  readonly url: (env: Readonly<Record<string, string | undefined>>) => EngineUrl
  /** What precedes each path of its API. */
  readonly apiPrefix: string
  /** Why the engine behind the socket cannot stand for the command line's, by how both describe themselves. Absent: it always can. */
  readonly otherEngine?: (bySocket: unknown, byCommandLine: unknown) => Option.Option<string>
  /** Arguments that prepare a created container, so that a start over the socket changes nothing of its isolation. */
  readonly prepare?: ReadonlyArray<string>
  /** Why the engine's socket does not respond, by its error; none when it is not known. */
  readonly unreachable: (error: { readonly code: string }) => string | undefined
  /** Whether the client reports that there is no such container or image. */
  readonly missing: (stderr: string) => boolean
  /** Whether the client reports that a container's name is in use. */
  readonly taken: (stderr: string) => boolean
  /** Arguments of `create` that only this client has or needs. */
  readonly create: (runDirectory: string) => ReadonlyArray<string>
  /** Files in the run directory that those arguments refer to: contents by path. */
  readonly files: (runDirectory: string) => Readonly<Record<string, string>>
  /** The warning of `create` when it makes a container without a requested limit. */
  readonly lostLimit: RegExp
  /** Starts a container with a client attached. */
  readonly start: ReadonlyArray<string>
  /** Removes containers at once, whatever they do. */
  readonly remove: ReadonlyArray<string>
  /** Makes an image of a container, with everything that docker's images can contain. */
  readonly commit: ReadonlyArray<string>
  /** The end of a container's log; the whole log if the engine would lose lines. */
  readonly lastLogs: ReadonlyArray<string>
  /** Builds an image, with everything that docker's images can contain. `always`: asks registries for newer base images. */
  readonly build: (always: boolean) => ReadonlyArray<string>
  /** Copies out of a container, following links. */
  readonly copyOut: ReadonlyArray<string>
  /** The prefix that this engine adds to image names without a registry. */
  readonly imagePrefix: string
  /** The name to pull an image by. */
  readonly pullName: (reference: string) => string
}

/**
 * The client adds the proxies of its own configuration file, with their passwords, to every container it creates, unless the container
 * has such variables. These are empty, and `bin/enter` sets its own.
 */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"]

const noClientProxies = [...PROXY_VARIABLES, ...PROXY_VARIABLES.map((name) => name.toLowerCase())].flatMap(
  (name) => ["--env", `${name}=`],
)

const NO_PERMISSION =
  "permission denied on the engine's socket: add your user to the group docker and log in again, or set DOCKER_HOST to an engine that is yours"

const NO_ENGINE =
  "no docker engine answers: start it (systemctl start docker, or dockerd), or set DOCKER_HOST"

/** docker, engine 20.10 and later. */
export const docker: Dialect = {
  name: "docker",
  program: "docker",
  globals: [],
  needsPipe: [],
  environment: [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION",
    "DOCKER_BUILDKIT",
    "BUILDX_BUILDER",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
  ],
  install:
    'no program "docker" in PATH: install the docker command line, or choose another backend with --backend',
  trouble: (stderr) => {
    if (/permission denied while trying to connect/i.test(stderr)) {
      return NO_PERMISSION
    }
    if (
      /cannot connect to the docker daemon|error during connect|failed to connect to the docker API/i.test(
        stderr,
      )
    ) {
      return NO_ENGINE
    }
    if (/client version .* is too (old|new)/i.test(stderr)) return lastLine(stderr)
    if (/bind source path does not exist/i.test(stderr)) {
      return "the engine does not see this machine's files: it runs on another machine, in a container or in a virtual machine (see docker context ls), and cannot mount the neck of a bottle; use one that runs here"
    }
    return undefined
  },
  url: dockerUrl,
  apiPrefix: "",
  unreachable: ({ code }) => (code === "EACCES" || code === "EPERM" ? NO_PERMISSION : NO_ENGINE),
  missing: (stderr) => /no such (container|image|object)/i.test(stderr),
  taken: (stderr) => /container name .* is already in use/i.test(stderr),
  unusable: ({ DOCKER_HOST: host = "" }) =>
    /^(ssh|tcp|https?):/i.test(host) && !LOOPBACK.test(host)
      ? `DOCKER_HOST names an engine on another machine (${withoutUser(host)}), which cannot mount the neck of a bottle from here: unset it, or run bot-bottle on that machine`
      : undefined,
  info: "engine {{.ServerVersion}} ({{.OSType}}, {{.DockerRootDir}})",
  // Another storage driver, or another disk mounted at its root, means other objects.
  engineName: (info) =>
    Option.map(
      decodeInfo(info),
      ({ ID, Driver, DockerRootDir }) => `${ID} ${Driver} ${folderName(DockerRootDir)}`,
    ),
  // An engine creates its default bridge anew at each start, and reports its start time nowhere else.
  startedAt: ["network", "inspect", "--format", "{{json .Created}}", "bridge"],
  create: () => noClientProxies,
  files: () => ({}),
  lostLimit: /^WARNING: (.*(discarded|not support).*)$/im,
  start: ["start", "--attach"],
  remove: ["rm", "--force", "--volumes"],
  commit: ["commit"],
  lastLogs: ["logs", "--tail", "20"],
  build: (always) => ["build", ...(always ? ["--pull"] : [])],
  copyOut: ["cp", "--follow-link"],
  imagePrefix: "",
  pullName: (reference) => reference,
}

const decodeInfo = Schema.decodeUnknownOption(
  Schema.Struct({ ID: Schema.String, Driver: Schema.String, DockerRootDir: Schema.String }),
)

/** podman's state of a container between `init` and `start`. */
export const INITIALIZED = "initialized"

/** An engine at such an address may see our files. */
const LOOPBACK = /^\w+:\/\/([^@/]*@)?(localhost|127\.[\d.]+|\[::1\])(:\d+)?(\/|$)/i

const withoutUser = (url: string): string => url.replace(/\/\/[^@/]*@/, "//")

/** The engine's message without the client's prefix: the last line with content. */
export const lastLine = (stderr: string): string => {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(See|Run) '(docker|podman) /.test(line))
  return (lines.at(-1) ?? "no reason given").replace(/^Error( response from daemon)?: /, "")
}
