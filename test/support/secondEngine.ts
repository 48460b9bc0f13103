/** A docker engine of a test's own, with its own data, socket and containerd: to be killed, restarted and filled. */
import type { ChildProcess } from "node:child_process"
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A second engine. */
export interface SecondEngine {
  readonly env: { readonly DOCKER_HOST: string }
  readonly docker: (...args: ReadonlyArray<string>) => string
  readonly start: () => Promise<void>
  /** Ends the engine by a signal, and waits until it has ended; its containerd goes on, as a service of its own does. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>
  /** Kills the engine, its containerd and all that runs in containers: what a reboot leaves of them. */
  readonly crash: () => Promise<void>
  /** Ends it with all it made. */
  readonly remove: () => Promise<void>
}

/** Why there can be no second engine here; none when there can. */
export const noSecondEngine: string | undefined =
  process.getuid?.() !== 0
    ? "only root can start an engine"
    : ["dockerd", "containerd"].find((program) => spawnSync(program, ["--version"]).status !== 0) ===
        undefined
      ? undefined
      : "there is no dockerd, or no containerd"

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
  let engine: ChildProcess | undefined
  let containerd: ChildProcess | undefined
  let said = ""
  const run = (command: string, args: ReadonlyArray<string>): ChildProcess => {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], detached: true })
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)))
    return child
  }
  // One of dockerd's own dies with it, and leaves a pid that the next dockerd believes in while it is a zombie.
  const startContainerd = () => {
    writeFileSync(path("containerd.toml"), CONTAINERD_CONFIG)
    containerd = run("containerd", [
      `--config=${path("containerd.toml")}`,
      `--address=${path("exec/containerd.sock")}`,
      `--state=${path("exec/containerd")}`,
      `--root=${join(data, "containerd")}`,
    ])
  }
  const start = async () => {
    mkdirSync(data, { recursive: true })
    mkdirSync(path("exec"), { recursive: true })
    if (!isAlive(containerd)) startContainerd()
    const child = run("dockerd", [
      `--host=${DOCKER_HOST}`,
      `--containerd=${path("exec/containerd.sock")}`,
      `--data-root=${data}`,
      `--exec-root=${path("exec")}`,
      `--pidfile=${path("pid")}`,
      // The first engine's, which an engine with "none" would remove; no container of a test is on it.
      "--bridge=docker0",
      "--iptables=false",
      "--ip6tables=false",
      ...(options.flags ?? []),
    ])
    engine = child
    for (let attempt = 0; attempt < 300; attempt += 1) {
      if (spawnSync("docker", ["version"], { env: { ...process.env, DOCKER_HOST } }).status === 0) return
      if (child.exitCode !== null) break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`the second engine does not answer: ${said}`)
  }
  const stop = async (signal: NodeJS.Signals) => {
    await ended(engine, signal)
    engine = undefined
    if (signal === "SIGKILL") rmSync(path("pid"), { force: true })
  }
  const crash = async () => {
    await stop("SIGKILL")
    await ended(containerd, "SIGKILL")
    const shims = shimsOf(path("exec"))
    for (const pid of [...shims.flatMap(childrenOf), ...shims]) kill(pid)
  }
  await start()
  return {
    env: { DOCKER_HOST },
    docker,
    start,
    stop,
    crash,
    remove: async () => {
      if (engine === undefined) await start().catch(() => undefined)
      spawnSync("sh", ["-c", "docker ps -aq | xargs -r docker rm -f"], {
        env: { ...process.env, DOCKER_HOST },
      })
      await stop("SIGTERM")
      await ended(containerd, "SIGTERM")
      for (const pid of shimsOf(path("exec"))) kill(pid)
      for (const mount of mountsBelow(root)) spawnSync("umount", ["--lazy", mount])
      rmSync(root, { recursive: true, force: true })
    },
  }
}

const CONTAINERD_CONFIG = `version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
`

const isAlive = (child: ChildProcess | undefined): child is ChildProcess =>
  child !== undefined && child.exitCode === null && child.signalCode === null

const ended = async (child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> => {
  if (!isAlive(child)) return
  const end = new Promise((resolve) => child.once("exit", resolve))
  child.kill(signal)
  await end
}

/** One that has ended meanwhile is as good. */
const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    return
  }
}

/** Shims of containers, which outlive engine and containerd, name the socket of theirs. */
const shimsOf = (folder: string): ReadonlyArray<number> =>
  processes((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder))

const childrenOf = (parent: number): ReadonlyArray<number> =>
  processes((pid) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1] === `${parent}`)

const processes = (wanted: (pid: string) => boolean): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) && wanted(pid) ? [Number(pid)] : []
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
