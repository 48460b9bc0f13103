/** A docker engine of a test's own, with its own data, socket and containerd: to be killed, restarted and filled. */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A second engine. */
export interface SecondEngine {
  readonly env: { readonly DOCKER_HOST: string }
  readonly docker: (...args: ReadonlyArray<string>) => string
  readonly start: () => Promise<void>
  /** Ends the engine by a signal, and waits until it has ended. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>
  /** Ends it with all it made. */
  readonly remove: () => Promise<void>
}

/** Why there can be no second engine here; none when there can. */
export const noSecondEngine: string | undefined =
  process.getuid?.() !== 0
    ? "only root can start an engine"
    : spawnSync("dockerd", ["--version"]).status === 0
      ? undefined
      : "there is no dockerd"

/** Makes an engine whose data are in `data`, a folder of its own unless given, and starts it. */
export const secondEngine = async (
  options: { readonly flags?: ReadonlyArray<string>; readonly data?: string } = {},
): Promise<SecondEngine> => {
  const root = mkdtempSync(join(tmpdir(), "bb-engine-"))
  const path = (name: string) => join(root, name)
  const data = options.data ?? path("data")
  const DOCKER_HOST = `unix://${path("sock")}`
  const docker = (...args: ReadonlyArray<string>): string => {
    const { status, stdout, stderr } = spawnSync("docker", args, {
      encoding: "utf8",
      env: { ...process.env, DOCKER_HOST },
    })
    if (status !== 0) throw new Error(`docker ${args[0]}: ${stderr}`)
    return stdout.trim()
  }
  let engine: ReturnType<typeof spawn> | undefined
  let said = ""
  const start = async () => {
    mkdirSync(data, { recursive: true })
    const child = spawn(
      "dockerd",
      [
        `--host=${DOCKER_HOST}`,
        `--data-root=${data}`,
        `--exec-root=${path("exec")}`,
        `--pidfile=${path("pid")}`,
        // The first engine's, which an engine with "none" would remove; no container of a test is on it.
        "--bridge=docker0",
        "--iptables=false",
        "--ip6tables=false",
        ...(options.flags ?? []),
      ],
      { stdio: ["ignore", "ignore", "pipe"], detached: true },
    )
    engine = child
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)))
    for (let attempt = 0; attempt < 300; attempt += 1) {
      if (spawnSync("docker", ["version"], { env: { ...process.env, DOCKER_HOST } }).status === 0) return
      if (child.exitCode !== null) break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`the second engine does not answer: ${said}`)
  }
  const stop = async (signal: NodeJS.Signals) => {
    const child = engine
    engine = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill(signal)
    await ended
    if (signal === "SIGKILL") rmSync(path("pid"), { force: true })
  }
  await start()
  return {
    env: { DOCKER_HOST },
    docker,
    start,
    stop,
    remove: async () => {
      if (engine === undefined) await start().catch(() => undefined)
      spawnSync("sh", ["-c", "docker ps -aq | xargs -r docker rm -f"], {
        env: { ...process.env, DOCKER_HOST },
      })
      await stop("SIGTERM")
      for (const pid of processesOf(path("exec"))) process.kill(pid, "SIGKILL")
      for (const mount of mountsBelow(root)) spawnSync("umount", ["--lazy", mount])
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** A containerd, or a shim of it, that outlived its engine names its folder. */
const processesOf = (folder: string): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((pid) => {
    try {
      const ours = /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder)
      return ours ? [Number(pid)] : []
    } catch {
      return []
    }
  })

/** Deepest first. */
const mountsBelow = (folder: string): ReadonlyArray<string> =>
  existsSync("/proc/self/mounts")
    ? readFileSync("/proc/self/mounts", "utf8")
        .split("\n")
        .map((line) => line.split(" ")[1] ?? "")
        .filter((mount) => mount.startsWith(folder))
        .toReversed()
    : []
