// Programs that are measured from outside, and servers that end with us.
import { spawn } from "node:child_process"
import { peakMiB } from "./memory.mjs"

/** Runs a program to its end; milliseconds until the first byte on its stdout, and until its end. */
export const run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options })
    let first = NaN
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk) => {
      if (stdout === "") first = performance.now() - start
      stdout += chunk
    })
    child.stderr.on("data", (chunk) => (stderr += chunk))
    child.once("error", reject)
    child.once("close", (code) =>
      code === 0
        ? resolve({ first, all: performance.now() - start, stdout, stderr })
        : reject(new Error(`${command} ${args.join(" ")}: ended with ${code}: ${stderr}`)),
    )
  })

const LOOK_MS = 20

/** Runs a program to its end and drops what it writes; answers how long it took, how much it wrote, and the most memory it had. */
export const drain = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options })
    let bytes = 0
    let stderr = ""
    let peak = 0
    const look = setInterval(() => {
      peak = peakMiB(child.pid) || peak
    }, LOOK_MS)
    child.stdout.on("data", (chunk) => (bytes += chunk.length))
    child.stderr.on("data", (chunk) => (stderr += chunk))
    child.once("error", reject)
    child.once("exit", () => clearInterval(look))
    child.once("close", (code) =>
      code === 0
        ? resolve({ all: performance.now() - start, bytes, peak, stderr })
        : reject(new Error(`${command} ${args.join(" ")}: ended with ${code}: ${stderr}`)),
    )
  })

/** Starts one of `servers/`, which ends when we do; answers its pid and how to end it, once it has said "ready". */
export const serve = (file, args, options = {}) =>
  start(new URL(`./servers/${file}`, import.meta.url).pathname, args, options)

/** A neck as an address of loopback, by the forwarder that runs in bottles. */
export const forward = (socketPath, port) =>
  start(new URL("../bottle/forwarder.cjs", import.meta.url).pathname, [socketPath, String(port)])

/** A program of node that ends when we tell it, once it has written to its stdout. */
export const start = (script, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
      ...options,
    })
    const ended = new Promise((done) => child.once("close", done))
    child.once("error", reject)
    child.once("close", (code) => reject(new Error(`${script} ended with ${code}`)))
    child.stdout.once("data", () =>
      resolve({
        pid: child.pid,
        stop: () => {
          child.kill()
          return ended
        },
      }),
    )
  })
