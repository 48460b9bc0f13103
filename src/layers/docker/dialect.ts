/** What differs between the command lines that speak docker's language. */

import { folderName } from "../home/machine.ts"

/** One command line of docker's kind. */
export interface Dialect {
  /** Name of the backend. */
  readonly name: string
  readonly program: string
  /** Arguments before every command. */
  readonly globals: ReadonlyArray<string>
  /** Commands that open /dev/stdout, which they cannot when it is a socket, as what node calls a pipe is. */
  readonly needsPipe: ReadonlyArray<string>
  /** Variables of our environment by which its user says which engine is meant. */
  readonly environment: ReadonlyArray<string>
  /** What to do when the program is not installed. */
  readonly install: string
  /** Why an engine that this environment points to cannot have bottles; none when it can. */
  readonly unusable: (env: Readonly<Record<string, string | undefined>>) => string | undefined
  /** Template of `info` that answers one line for people. */
  readonly info: string
  /** What names the engine: a template of `info`, and how its answer becomes the name. */
  readonly engine: { readonly format: string; readonly name: (said: string) => string }
  /** Arguments that answer when the engine was started, as ISO 8601; absent: its containers end with the machine alone. */
  readonly startedAt?: ReadonlyArray<string>
  /** Why the engine did not answer, by what the client wrote; none when it did answer. */
  readonly trouble: (stderr: string) => string | undefined
  /** Whether the client says that there is no such container or image. */
  readonly missing: (stderr: string) => boolean
  /** Whether the client says that the name of a container is in use. */
  readonly taken: (stderr: string) => boolean
  /** Arguments of `create` that only this client knows or needs. */
  readonly create: (runDirectory: string) => ReadonlyArray<string>
  /** Files in the run directory that those arguments name: contents by path. */
  readonly files: (runDirectory: string) => Readonly<Record<string, string>>
  /** What `create` writes when it makes a container without a limit that it was asked for. */
  readonly lostLimit: RegExp
  /** Starting with a client attached. */
  readonly start: ReadonlyArray<string>
  /** Removing containers at once, whatever they do. */
  readonly remove: ReadonlyArray<string>
  /** Making an image of a container, with all that docker's images can say. */
  readonly commit: ReadonlyArray<string>
  /** The end of a container's log; the whole log where the engine loses lines otherwise. */
  readonly lastLogs: ReadonlyArray<string>
  /** Building an image, with all that docker's images can say; `always`: asking registries for newer base images. */
  readonly build: (always: boolean) => ReadonlyArray<string>
  /** Copying out of a container, following links. */
  readonly copyOut: ReadonlyArray<string>
  /** What this engine puts before the name of an image that has no registry. */
  readonly imagePrefix: string
  /** Name by which an image is pulled. */
  readonly pullName: (reference: string) => string
}

/**
 * The client adds the proxies of its own configuration file, with their passwords, to every container it
 * creates, unless the container has such variables: these are empty, and `bin/enter` sets its own.
 */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"]

const noClientProxies = [...PROXY_VARIABLES, ...PROXY_VARIABLES.map((name) => name.toLowerCase())].flatMap(
  (name) => ["--env", `${name}=`],
)

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
      return "permission denied on the engine's socket: add your user to the group docker and log in again, or set DOCKER_HOST to an engine that is yours"
    }
    if (
      /cannot connect to the docker daemon|error during connect|failed to connect to the docker API/i.test(
        stderr,
      )
    ) {
      return "no docker engine answers: start it (systemctl start docker, or dockerd), or set DOCKER_HOST"
    }
    if (/client version .* is too (old|new)/i.test(stderr)) return lastLine(stderr)
    if (/bind source path does not exist/i.test(stderr)) {
      return "the engine does not see this machine's files: it runs on another machine, in a container or in a virtual machine (see docker context ls), and cannot mount the neck of a bottle; use one that runs here"
    }
    return undefined
  },
  missing: (stderr) => /no such (container|image|object)/i.test(stderr),
  taken: (stderr) => /container name .* is already in use/i.test(stderr),
  unusable: ({ DOCKER_HOST: host = "" }) =>
    /^(ssh|tcp|https?):/i.test(host) && !LOOPBACK.test(host)
      ? `DOCKER_HOST names an engine on another machine (${withoutUser(host)}), which cannot mount the neck of a bottle from here: unset it, or run bot-bottle on that machine`
      : undefined,
  info: "engine {{.ServerVersion}} ({{.OSType}}, {{.DockerRootDir}})",
  // An engine has other objects with another storage driver, or with another disk mounted at its root.
  engine: {
    format: "{{.ID}} {{.Driver}} {{.DockerRootDir}}",
    name: (said) => {
      const [, id = "", driver = "", root = ""] = /^(\S*) (\S*) (.*)$/.exec(said) ?? []
      return `${id} ${driver} ${folderName(root)}`
    },
  },
  // An engine makes its default bridge anew whenever it starts, and says nowhere else when that was.
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

/** An engine behind such an address may see our files. */
const LOOPBACK = /^\w+:\/\/([^@/]*@)?(localhost|127\.[\d.]+|\[::1\])(:\d+)?(\/|$)/i

const withoutUser = (url: string): string => url.replace(/\/\/[^@/]*@/, "//")

/** What the engine said, without the client's frame: the last line that says something. */
export const lastLine = (stderr: string): string => {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(See|Run) '(docker|podman) /.test(line))
  return (lines.at(-1) ?? "it said nothing").replace(/^Error( response from daemon)?: /, "")
}
