/**
 * How the host runs git: only with bot-bottle's configuration, without programs or transports that a repository names, and with
 * resource limits.
 */
import type { Stream } from "effect"

/** One run of git. */
export interface GitRun {
  readonly args: ReadonlyArray<string>
  /** Working directory (default: `/`). */
  readonly cwd?: string
  /** Allowed transports, such as `https` or `file` (default: none). */
  readonly protocols?: ReadonlyArray<string>
  /** The git directory. Without one, git searches for a repository from `cwd` upwards. */
  readonly directory?: string
  /** Where new objects are written, and where others are found in addition to the repository's own. */
  readonly objects?: { readonly directory: string; readonly alternates?: ReadonlyArray<string> }
  /** More configuration. Credentials are passed in this way because arguments are visible to other users. */
  readonly config?: ReadonlyArray<readonly [string, string]>
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Stream.Stream<Uint8Array, unknown>
  /** Milliseconds (default: 10 minutes). */
  readonly timeoutMs?: number
  readonly maxOutputBytes?: number
  /** Address space in KiB (default: 4 GiB). */
  readonly memoryKib?: number
  /** CPU time in seconds (default: 15 minutes). */
  readonly cpuS?: number
}

const TIMEOUT_MS = 600_000
/** CPU time in seconds. */
const CPU_S = 900
/** Address space in KiB. Git maps packs of any size, and uses as much memory as a hostile pack makes it. */
const MEMORY_KIB = 4 * 1024 * 1024
/** Seconds without a byte after which a transfer is ended. */
const STALLED_S = "15"

const CONFIG: ReadonlyArray<readonly [string, string]> = [
  ["safe.directory", "*"],
  // Do not trust a directory only because it looks like a repository.
  ["safe.bareRepository", "explicit"],
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.askPass", ""],
  ["credential.helper", ""],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["submodule.recurse", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["push.recurseSubmodules", "no"],
  ["push.gpgSign", "false"],
  ["core.untrackedCache", "false"],
  ["protocol.allow", "never"],
  ["http.followRedirects", "false"],
  ["http.lowSpeedLimit", "1"],
  ["http.lowSpeedTime", STALLED_S],
  ["pack.threads", "1"],
  ["pack.windowMemory", "64m"],
  ["core.packedGitLimit", "512m"],
  ["core.packedGitWindowSize", "32m"],
  ["core.bigFileThreshold", "16m"],
]

const limited = (memoryKib: number, cpuS: number): string =>
  `ulimit -v ${memoryKib} 2>/dev/null; ulimit -t ${cpuS} 2>/dev/null; exec git "$@"`

/** The command line and environment for a run of git. */
export const gitSpec = (run: GitRun) => {
  const config = [...CONFIG, ...(run.config ?? [])]
  return {
    command: "sh",
    args: ["-c", limited(run.memoryKib ?? MEMORY_KIB, run.cpuS ?? CPU_S), "git", ...run.args],
    env: {
      // curl would read a .netrc there.
      HOME: "/nonexistent",
      // For a git older than GIT_CONFIG_GLOBAL (2.32).
      XDG_CONFIG_HOME: "/nonexistent",
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_ATTR_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_NO_REPLACE_OBJECTS: "1",
      GIT_NO_LAZY_FETCH: "1",
      // Unlike the key `protocol.allow`, no key of a repository can override this.
      GIT_ALLOW_PROTOCOL: (run.protocols ?? []).join(":"),
      GIT_CONFIG_COUNT: String(config.length),
      ...Object.fromEntries(
        config.flatMap(([key, value], at) => [
          [`GIT_CONFIG_KEY_${at}`, key],
          [`GIT_CONFIG_VALUE_${at}`, value],
        ]),
      ),
      ...(run.directory !== undefined && { GIT_DIR: run.directory }),
      ...(run.objects !== undefined && { GIT_OBJECT_DIRECTORY: run.objects.directory }),
      ...(run.objects?.alternates !== undefined && {
        GIT_ALTERNATE_OBJECT_DIRECTORIES: run.objects.alternates.join(":"),
      }),
      ...run.env,
    },
    cwd: run.cwd ?? "/",
    endsWithUs: true,
    ...(run.stdin !== undefined && { stdin: run.stdin }),
    timeoutMs: run.timeoutMs ?? TIMEOUT_MS,
    ...(run.maxOutputBytes !== undefined && { maxOutputBytes: run.maxOutputBytes }),
  }
}
