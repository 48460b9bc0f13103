/** Tells a process from a later one with the same PID, by start time and boot. */
import { Effect, Layer, Option } from "effect"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import type { ProcessIdentity } from "../../domain/ProcessIdentity.ts"
import { Processes } from "../../services/Processes.ts"

/** The live process with a PID; none when it is gone, or a zombie, whose code no longer runs. */
export const identify = (pid: number): Effect.Effect<Option.Option<ProcessIdentity>> =>
  Effect.suspend(() => (process.platform === "linux" ? fromProc(pid) : fromPs(pid)))

/** This process. */
export const self: Effect.Effect<ProcessIdentity> = Effect.suspend(() => identify(process.pid)).pipe(
  Effect.map(Option.getOrElse(() => ({ pid: process.pid, startTime: "", bootId: "" }))),
)

/** Whether that very process is still running. A process that cannot be inspected counts as running. */
export const isAlive = (identity: ProcessIdentity): Effect.Effect<boolean> =>
  Effect.map(
    identify(identity.pid),
    Option.exists(
      (found) =>
        isUnknown(found) ||
        isUnknown(identity) ||
        (found.startTime === identity.startTime && found.bootId === identity.bootId),
    ),
  )

const isUnknown = (identity: ProcessIdentity): boolean => identity.startTime === ""

/**
 * proc(5): field 2 is the program's name in parentheses and may itself contain spaces and parentheses; 3 is the state, 22 the start
 * time.
 */
const fromProc = (pid: number): Effect.Effect<Option.Option<ProcessIdentity>> =>
  Effect.try({
    try: () => {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
      const fromThird = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
      return isDead(fromThird[0])
        ? Option.none()
        : Option.some({ pid, startTime: fromThird[19] ?? "", bootId })
    },
    catch: (cause) => (cause as NodeJS.ErrnoException).code,
  }).pipe(
    Effect.catchAll((code) =>
      Effect.succeed(
        code === "ENOENT" || code === "ESRCH"
          ? Option.none()
          : Option.some({ pid, startTime: "", bootId: "" }),
      ),
    ),
  )

/** `ps` prints `STAT Day Mon DD HH:MM:SS YYYY` in the given locale and time zone, and exits with 1 when there is no such process. */
const fromPs = (pid: number): Effect.Effect<Option.Option<ProcessIdentity>> =>
  Effect.try({
    try: () =>
      execFileSync("ps", ["-o", "stat=", "-o", "lstart=", "-p", String(pid)], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
        stdio: ["ignore", "pipe", "ignore"],
        timeout: 5_000,
      }).trim(),
    catch: (cause) => (cause as { readonly status?: number | null }).status ?? undefined,
  }).pipe(
    Effect.match({
      onSuccess: (line) => {
        const [state, ...started] = line.split(/\s+/)
        return isDead(state) ? Option.none() : Option.some({ pid, startTime: started.join(" "), bootId: "" })
      },
      onFailure: (status) => (status === 1 ? Option.none() : Option.some({ pid, startTime: "", bootId: "" })),
    }),
  )

const isDead = (state: string | undefined): boolean =>
  state === undefined || state === "" || state.startsWith("Z") || state.startsWith("X")

/** Processes from this machine's kernel. */
export const layer: Layer.Layer<Processes> = Layer.succeed(Processes, { self, isAlive })
