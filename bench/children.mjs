// Programs that are measured from outside, and servers that end with us.
import { spawn } from "node:child_process"

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

/** Starts one of `servers/`, which ends when we do; answers its pid and how to end it, once it has said "ready". */
export const serve = (file, args, options = {}) =>
  new Promise((resolve, reject) => {
    const script = new URL(`./servers/${file}`, import.meta.url).pathname
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
      ...options,
    })
    const ended = new Promise((done) => child.once("close", done))
    child.once("error", reject)
    child.once("close", (code) => reject(new Error(`${file} ended with ${code}`)))
    child.stdout.once("data", () =>
      resolve({
        pid: child.pid,
        stop: () => {
          child.stdin.end()
          return ended
        },
      }),
    )
  })
