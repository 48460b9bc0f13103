#!/usr/bin/env node
// A stand-in for smolvm, held to a recording of 1.9.2: its options, exit codes, texts and JSON, and machines that are
// namespaces of this kernel with a root directory of their own. Needs root, unshare, nsenter, setpriv and a static busybox.
//
// State is below SMOLVM_DATA_DIR: machines/<name>/{machine.json, rootfs/, tmp/, run/}, log (one line for each call),
// and `version` ("1.17.0", or what is written there), `fault` (a text that the next start fails with), `deaf` (a text:
// commands that have it are not run as --user says).
// An image "NAME" is registry/<NAME with / as _>.tar, with registry/<...>.json {user, env} beside it.
import { spawn, spawnSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import {
  appendFileSync,
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { commandOf } from "./smolvm-standin-cli.mjs"
import { describeMachine, table } from "./smolvm-standin-machines.mjs"

const data = process.env.SMOLVM_DATA_DIR
if (!data) fail("config operation failed: the stand-in needs SMOLVM_DATA_DIR")
const read = (name, otherwise) =>
  existsSync(join(data, name)) ? readFileSync(join(data, name), "utf8").trim() : otherwise
const version = read("version", "1.17.0")
const newer = Number(version.split(".")[1]) >= 17
const machines = join(data, "machines")
mkdirSync(machines, { recursive: true })
appendFileSync(join(data, "log"), `${JSON.stringify(process.argv.slice(2))}\n`)

function fail(message) {
  process.stderr.write(`Error: ${message}\n`)
  process.exit(1)
}
const print = (text) => process.stdout.write(text)
const folder = (machine) => join(machines, machine)
const load = (machine) => {
  try {
    return JSON.parse(readFileSync(join(folder(machine), "machine.json"), "utf8"))
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined
    throw error
  }
}
/** Whole or not at all, as a row in smolvm's database: other calls read meanwhile, and a call may be killed. */
const save = (machine) => {
  const file = join(folder(machine.name), "machine.json")
  const next = `${file}.${process.pid}`
  writeFileSync(next, JSON.stringify(machine))
  renameSync(next, file)
}
const known = (machine) => load(machine) ?? fail(`vm not found: ${machine}`)
/** "Z" of one that is gone, also while we look. */
const processState = (pid) => {
  try {
    return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  } catch {
    return "Z"
  }
}
const lives = (pid) => processState(pid) !== "Z"
const stateOf = ({ pid, state, stopping }) => {
  if (pid === null) return state
  if (!lives(pid)) return "stopped"
  return stopping || processState(pid) === "T" ? "unreachable" : "running"
}
/** "" of one that is gone. */
const rootOf = (pid) => {
  try {
    return readlinkSync(`/proc/${pid}/root`)
  } catch {
    return ""
  }
}
const sh = (command, args, options = {}) => spawnSync(command, args, { encoding: "utf8", ...options })
const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
const end = (machine) => {
  process.kill(machine.pid, "SIGKILL")
  while (lives(machine.pid)) pause(10)
}

/** One writer at a time: SQLite refuses the next one at once. */
function writing(what, machine, action) {
  const lock = join(data, "db.lock")
  const holder = read("db.lock", "")
  if (holder !== "" && !lives(Number(holder))) rmSync(lock, { force: true })
  try {
    closeSync(openSync(lock, "wx"))
  } catch {
    appendFileSync(join(data, "locked"), ".")
    fail(`database operation failed: ${what} vm '${machine}': database is locked`)
  }
  writeFileSync(lock, String(process.pid))
  action()
  pause(40)
  rmSync(lock)
}

const FORBIDDEN = /^\/$|^\/var$|^\/(var\/run|var\/log|etc|boot|usr|bin|sbin|lib|proc|sys|dev|run)(\/|$)/
const MAGIC = "SMOLPACK"

function checkName(machine) {
  const why = /--/.test(machine)
    ? "cannot contain consecutive hyphens"
    : machine.endsWith("-")
      ? `cannot end with a hyphen (got: "${machine}")`
      : machine.length > 128
        ? `too long: ${machine.length} characters (max 128)`
        : !/^[A-Za-z0-9][\w-]*$/.test(machine)
          ? "has characters that are not allowed"
          : undefined
  if (why !== undefined) fail(`config operation failed: create machine: machine name ${why}`)
}

/** Root directory and configuration of what a machine is made from. */
function unpack(o, root) {
  const untar = (file) => {
    mkdirSync(root, { recursive: true })
    const { status, stderr } = sh("tar", ["-x", "-p", "--numeric-owner", "-f", file, "-C", root])
    if (status !== 0) fail(`agent operation failed: read .smolmachine: ${stderr}`)
  }
  if (o.from !== undefined) {
    untar(o.from)
    const config = join(root, ".standin.json")
    const { name, network, env, workspace } = JSON.parse(readFileSync(config, "utf8"))
    rmSync(config)
    // A pack has environment and workdir of its image, but not the user.
    return { name, network, env, workspace, imported: true }
  }
  if (/^[./]/.test(o.image)) {
    if (statSync(o.image).isDirectory()) cpSync(o.image, root, { recursive: true, verbatimSymlinks: true })
    else untar(o.image)
    const beside = o.image.replace(/tar$/, "json")
    const config = beside !== o.image && existsSync(beside) ? JSON.parse(readFileSync(beside, "utf8")) : {}
    return { ...config, name: o.image, local: createHash("sha256").update(o.image).digest("hex") }
  }
  const base = join(data, "registry", o.image.replaceAll("/", "_"))
  if (!o.net) fail(`agent operation failed: pull image: the stand-in pulls ${o.image} with --net alone`)
  untar(`${base}.tar`)
  return { ...JSON.parse(readFileSync(`${base}.json`, "utf8")), name: o.image, network: true, pull: true }
}

function create({ options: o, rest }) {
  const machine = o.name ?? `vm-${randomBytes(4).toString("hex")}`
  checkName(machine)
  for (const label of o.label ?? [])
    if (!label.includes("=")) fail(`config operation failed: --label: expected KEY=VALUE, got '${label}'`)
  if (load(machine))
    fail(`config operation failed: create machine: machine '${machine}' already exists or is being created`)
  if (o.from !== undefined && !existsSync(o.from))
    fail(`config operation failed: create from .smolmachine: file not found: ${o.from}`)
  if (o.from !== undefined && readFileSync(o.from).subarray(-MAGIC.length).toString() !== MAGIC)
    fail(`agent operation failed: read .smolmachine: invalid magic: expected ${MAGIC}`)
  if (o.from === undefined && o.image === undefined)
    fail("config operation failed: create machine: the stand-in makes machines from packs and images alone")
  if (o.cpus === "0") fail("config operation failed: validate resources: CPU count must be at least 1")
  const mounts = (o.volume ?? []).map((volume) => {
    const [host, guest, mode = "rw", more] = volume.split(":")
    if (!guest?.startsWith("/") || more !== undefined || !["ro", "rw"].includes(mode))
      fail(`config operation failed: invalid volume '${volume}'`)
    if (!existsSync(host)) fail(`mount source not found: ${host}`)
    const invalid = (why) =>
      fail(`mount operation failed: validate host path: source path on host ${why}: ${host}`)
    if (FORBIDDEN.test(host)) invalid("is a protected system path and cannot be mounted")
    if (!statSync(host).isDirectory()) invalid("must be a directory (virtiofs limitation)")
    return { host, guest, mode }
  })
  const sockets = (o["mount-socket"] ?? []).map((socket) => {
    const [host, guest] = socket.split(":")
    if (!guest?.startsWith("/"))
      fail(`config operation failed: publish-socket: guest path '${guest}' must be absolute`)
    return { host, guest }
  })
  const made = { name: machine, state: "created", pid: null, created_at: Math.floor(Date.now() / 1000) }
  writing("reserve", machine, () => mkdirSync(folder(machine), { recursive: true }))
  const root = join(folder(machine), "rootfs")
  const image = unpack(o, root)
  for (const part of ["dev", "proc", "run", "storage", "sys", "tmp", "workspace"])
    mkdirSync(join(root, part), { recursive: true })
  chmodSync(join(root, "sys"), 0o555)
  // It lies on a disk of the machine, not in the image.
  if (!image.workspace)
    sh("sh", ["-c", 'rm -rf "$0"/* && chown 0:0 "$0" && chmod 755 "$0"', join(root, "workspace")])
  save({
    ...made,
    cpus: Number(o.cpus ?? 4),
    memory_mib: Number(o.mem ?? 8192),
    labels: Object.fromEntries((o.label ?? []).map((label) => label.split(/=(.*)/s).slice(0, 2))),
    network: image.network === true || o.net === true,
    image,
    mounts,
    sockets,
    init: o.init ?? [],
    workload: rest,
    wasStarted: false,
  })
  const { cpus, memory_mib, init } = load(machine)
  print(
    `${o.from === undefined ? "" : "Extracting .smolmachine assets...\n"}Created machine: ${machine}\n  CPUs: ${cpus}, Memory: ${memory_mib} MiB\n${
      mounts.length > 0 ? `  Mounts: ${mounts.length}\n` : ""
    }${init.length > 0 ? `  Init commands: ${init.length}\n` : ""}
Use 'smolvm machine start --name ${machine}' to start the machine
Then use 'smolvm machine exec --name ${machine} -- <command>' to run commands\n`,
  )
}

const relay = new URL("./smolvm-standin-relay.mjs", import.meta.url).pathname
const q = (text) => `'${text.replaceAll("'", "'\\''")}'`

/** The machine is its first process: of all its namespaces, with `lo` alone, and all ends with it. */
function start({ options: o }) {
  const machine = known(o.name ?? "default")
  const { name, image, mounts, sockets, init } = machine
  const before = stateOf(machine)
  if (before === "running") return print(`Machine '${name}' already running (PID: ${machine.boot})\n`)
  process.stderr.write(
    `Starting machine '${name}'${mounts.length > 0 ? ` with ${mounts.length} mount(s)` : ""}...\n`,
  )
  const fault = read("fault")
  if (fault !== undefined) {
    const [, text, left = "1"] = /^(.*?)(?:#(\d+))?$/s.exec(fault)
    if (Number(left) <= 1) rmSync(join(data, "fault"))
    else writeFileSync(join(data, "fault"), `${text}#${Number(left) - 1}`)
    fail(text)
  }
  if (before === "unreachable") {
    print(
      `Machine '${name}' is unreachable (PID: ${machine.boot} alive but agent unresponsive); cleaning up.\n`,
    )
    end(machine)
  }
  if (image.pull && !machine.wasStarted) {
    const pulling = `Pulling image ${image.name}...`
    process.stderr.write(`Pulling ${image.name}...\n${pulling}\r${pulling} done.${" ".repeat(30)}\n`)
  }
  const dir = folder(name)
  const root = join(dir, "rootfs")
  for (const part of ["tmp", "run"]) {
    rmSync(join(dir, part), { recursive: true, force: true })
    mkdirSync(join(dir, part), { mode: 0o755 })
  }
  mkdirSync(join(dir, "run", "lock"))
  sh("chmod", ["1777", join(dir, "tmp"), join(dir, "run", "lock")])
  mkdirSync(join(root, "etc"), { recursive: true })
  if (!existsSync(join(root, "etc/resolv.conf")))
    writeFileSync(join(root, "etc/resolv.conf"), "nameserver 127.0.0.1\n")
  const device = (device, number) =>
    `[ -e ${q(join(root, "dev", device))} ] || mknod -m 666 ${q(join(root, "dev", device))} c ${number}`
  const boot = [
    "set -e",
    "mount --make-rprivate /",
    `mount --bind ${q(join(dir, "tmp"))} ${q(join(root, "tmp"))}`,
    `mount --bind ${q(join(dir, "run"))} ${q(join(root, "run"))}`,
    `mount -t proc proc ${q(join(root, "proc"))}`,
    device("null", "1 3"),
    device("zero", "1 5"),
    device("urandom", "1 9"),
    ...mounts.map(
      ({ host, guest, mode }) =>
        `mkdir -p ${q(root + guest)} && mount --bind ${q(host)} ${q(root + guest)} && mount -o remount,bind,${mode} ${q(root + guest)}`,
    ),
    ...sockets.map(
      ({ host, guest }) =>
        `${q(process.execPath)} ${q(relay)} ${q(host)} ${q(root + guest)} >/dev/null 2>&1 </dev/null & until [ -S ${q(root + guest)} ]; do sleep 0.02; done`,
    ),
    // hostname(1) takes no "_".
    `echo ${q(name.slice(0, 63))} >/proc/sys/kernel/hostname`,
    "busybox ip link set lo up",
    "echo up",
    "exec >/dev/null 2>&1",
    `exec chroot ${q(root)} ${machine.workload.length ? machine.workload.map(q).join(" ") : "sleep 1000000"}`,
  ].join("\n")
  const child = spawn(
    "unshare",
    ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", boot],
    { detached: true, stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH } },
  )
  let said = ""
  child.stderr.on("data", (bytes) => (said += bytes))
  child.on("exit", () => fail(`agent operation failed: start machine: ${said}`))
  child.stdout.on("data", () => {
    const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim())
    // What enters it before has the host's root.
    for (let tries = 0; tries < 1000 && rootOf(pid) === "/"; tries++) pause(5)
    const running = { ...machine, state: "running", pid, boot: child.pid, stopping: false, wasStarted: true }
    save(running)
    if (init.length > 0)
      print(
        machine.wasStarted
          ? `Init already completed, skipping ${init.length} command(s)\n`
          : `Running ${init.length} init command(s)...\n`,
      )
    for (const command of machine.wasStarted ? [] : init) {
      const done = sh("setpriv", entering(running, "0:0", "/", ["/bin/sh", "-c", command]), {
        env: envOf(running),
      })
      if (done.status !== 0) fail(`agent operation failed: init: ${done.stderr}`)
    }
    print(`Machine '${name}' running (PID: ${child.pid})\n`)
    process.exit(0)
  })
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
const envOf = ({ image }) => ({ HOME: "/", PATH, ...image.env })
const entering = ({ pid }, user, workdir, command) => {
  const [uid, gid] = user.split(":")
  const spaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--root"]
  const as = [`--setuid=${uid}`, `--setgid=${gid}`]
  return ["--no-new-privs", "nsenter", `--target=${pid}`, ...spaces, `--wdns=${workdir}`, ...as, ...command]
}

/** Everything in a machine of a pack is run as root. */
function exec({ options: o, rest }) {
  const name = o.name ?? "default"
  const machine =
    load(name) ??
    fail(
      o.name === undefined
        ? `agent operation failed: connect: machine '${name}' not found`
        : `vm not found: ${name}`,
    )
  if (stateOf(machine) !== "running")
    fail(
      `agent operation failed: connect: machine '${name}' is not running. Use 'smolvm machine start --name ${name}' first.`,
    )
  const inside = (path) =>
    lstatSync(`/proc/${machine.pid}/root${path}`, { throwIfNoEntry: false }) !== undefined
  const refuse = (text) => {
    process.stderr.write(`${text}: No such file or directory\n`)
    process.exit(255)
  }
  const workdir = o.workdir ?? machine.image.workdir ?? "/"
  const env = envOf(machine)
  if (!inside(workdir)) refuse(`chdir \`${workdir}\``)
  if (!rest[0].includes("/") && !env.PATH.split(":").some((path) => inside(`${path}/${rest[0]}`)))
    refuse(`executable file \`${rest[0]}\` not found in $PATH`)
  const stream = o.interactive ? "inherit" : "pipe"
  const deaf = read("deaf")
  const asked = deaf !== undefined && rest.join(" ").includes(deaf) ? undefined : o.user
  const child = spawn("setpriv", entering(machine, asked ?? machine.image.user ?? "0:0", workdir, rest), {
    env,
    // A program in a machine does not end with its client.
    detached: !o.tty,
    stdio: [o.interactive ? "inherit" : "ignore", stream, stream],
  })
  const all = { stdout: [], stderr: [] }
  for (const stream of ["stdout", "stderr"]) child[stream]?.on("data", (bytes) => all[stream].push(bytes))
  child.on("close", (code, signal) => {
    // The machine's processes end before the machine itself does.
    if (signal !== null || code === 137) {
      for (let tries = 0; tries < 15 && lives(machine.pid); tries++) pause(20)
    }
    if (!lives(machine.pid)) fail("io operation failed: connection closed")
    print(Buffer.concat(all.stdout))
    process.stderr.write(Buffer.concat(all.stderr))
    process.exitCode = signal === null ? code : 137
  })
}

function halt(machine) {
  print(`Stopping machine '${machine.name}'...\n`)
  save({ ...machine, stopping: true })
  end(machine)
  save({ ...machine, state: "stopped", pid: null })
}

function stop({ options: o }) {
  const machine = known(o.name ?? "default")
  const state = stateOf(machine)
  if (!/running|unreachable/.test(state))
    return print(`Machine '${machine.name}' is not running (state: ${state})\n`)
  halt(machine)
  print(`Stopped machine: ${machine.name}\n`)
}

/** Without a terminal to ask, it stops the machine and keeps it. */
function remove({ options: o }) {
  const machine = known(o.name)
  const asks = !o.force && !o.cascade
  if (asks) process.stderr.write(`Delete machine '${machine.name}'? [y/N] `)
  if (/running|unreachable/.test(stateOf(machine))) halt(machine)
  if (asks) return print("Cancelled\n")
  writing("remove", machine.name, () => rmSync(join(folder(machine.name), "machine.json")))
  rmSync(folder(machine.name), { recursive: true, force: true })
  print(`Cleaning up data directory for vm: ${machine.name}\nDeleted machine: ${machine.name}\n`)
}

const json = (value) => print(`${JSON.stringify(value, null, 2)}\n`)

function status({ options: o }) {
  const name = o.name ?? "default"
  const machine = load(name)
  if (!machine)
    fail(
      o.json
        ? `config operation failed: machine status: machine '${name}' not found`
        : `vm not found: ${name}`,
    )
  if (o.json) json(describeMachine(machine, stateOf(machine)))
  else print(`Machine '${name}': ${stateOf(machine)}\n`)
}

function list({ options: o }) {
  const all = readdirSync(machines)
    .toSorted()
    .map(load)
    .filter(Boolean)
    .map((machine) => describeMachine(machine, stateOf(machine)))
  if (o.json) json(all)
  else print(table(all))
}

const COLLECTING =
  "Collecting runtime libraries...\nCollecting agent rootfs...\nCreating storage template...\n"

/** A freeze loses FIFOs and setuid bits, and what is not on the root's disk. */
function write({ output }, root, image, excluded = []) {
  const config = join(root, ".standin.json")
  writeFileSync(config, JSON.stringify(image))
  const out = `${output}.smolmachine`
  const made = sh("sh", [
    "-c",
    'cd "$0" && out=$1 && shift && find . ! -type p -print0 | tar -c -p --numeric-owner --mode=ug-s --no-recursion --null -f "$out" "$@" -T -',
    root,
    out,
    ...excluded.map((path) => `--exclude=./${path}/*`),
  ])
  rmSync(config)
  if (made.status !== 0) fail(`agent operation failed: pack: ${made.stderr}`)
  appendFileSync(out, MAGIC)
  writeFileSync(output, "#!stub\n", { mode: 0o755 })
  const size = Math.ceil(statSync(out).size / 1024)
  print(`\r⠋ Assembling packed binary done
Packed: ${output} (stub: 1KB, total: ${size + 1}KB)
Assets: ${out} (${size}KB compressed)

Run with: ${output}
Note: Keep the .smolmachine file alongside the binary
Options: --help for usage\n`)
}

function pack({ options: o }) {
  if (o.output.endsWith(".smolmachine"))
    fail(
      `config operation failed: pack create: --output names the executable stub, not the .smolmachine sidecar (which is created automatically as '<output>.smolmachine'). Use --output ${o.output.replace(/\.smolmachine$/, "")} instead.`,
    )
  if (o["from-vm"] !== undefined) return packMachine(o)
  print("Starting agent VM...\n")
  const pulling = `Pulling image ${o.image}...`
  process.stderr.write(`${pulling}\r${pulling} done.${" ".repeat(30)}\n`)
  const base = join(data, "registry", o.image?.replaceAll("/", "_") ?? "")
  if (!existsSync(`${base}.tar`)) {
    const [repository, tag] = o.image.split(/:(?=[^:/]*$)/)
    const [registry, ...path] = repository.split("/")
    fail(
      `agent operation failed: pull image: crane manifest failed: Error: fetching manifest ${o.image}: GET http://${registry}/v2/${path.join("/")}/manifests/${tag}: NAME_UNKNOWN: Unknown name\n`,
    )
  }
  const staging = join(data, `staging-${process.pid}`)
  mkdirSync(staging, { recursive: true })
  sh("tar", ["-x", "-p", "--numeric-owner", "-f", `${base}.tar`, "-C", staging])
  const layer = `  Layer 1/1: sha256:${createHash("sha256").update(base).digest("hex").slice(0, 12)}...`
  print(
    `Image: ${o.image} (1 layers, ${statSync(`${base}.tar`).size} bytes)\n${COLLECTING}${layer}\r${layer} 30 MB\r${layer} 30 MB done\n`,
  )
  write(o, staging, { ...JSON.parse(readFileSync(`${base}.json`, "utf8")), name: o.image })
  rmSync(staging, { recursive: true, force: true })
}

function packMachine(o) {
  const name = o["from-vm"]
  const machine = load(name)
  const wrong = (why) => fail(`agent operation failed: pack from VM: VM '${name}' ${why}`)
  if (!machine) wrong("not found")
  const { image, wasStarted } = machine
  if (stateOf(machine) === "running")
    wrong(`is running. Stop it first with: smolvm machine stop --name ${name}`)
  print(`Packing VM '${name}' snapshot...\n${COLLECTING}`)
  if (image.local)
    wrong(
      `was created from a local image (local:${image.local}). \`pack create --from-vm\` can only snapshot VMs created from a REGISTRY image — local archives and rootfs directories are flattened on boot and have no registry manifest to re-pull. Recreate the machine from a registry reference to pack it.`,
    )
  print("Starting agent VM to export machine state...\n")
  if (!wasStarted)
    fail(
      "agent operation failed: mount source storage in temp VM: mount failed (exit 32): mount: /mnt/source-storage: wrong fs type, bad option, bad superblock on /dev/vdc, missing codepage or helper program, or other error.\n       dmesg(1) may have more information after failed mount system call.\n",
    )
  if (image.pull) process.stderr.write(`Pulling ${image.name} in export VM...\n`)
  if (image.imported) print("Staging 1 imported layer(s) for flatten...\n")
  print("Flattening 1 layer(s) + container overlay...\n  Flattened layer: 1024 bytes\n")
  const kept = o["include-workspace"] === true
  const lost = ["tmp", "run", "proc", "storage", ...(kept ? [] : ["workspace"])]
  const { user: _, ...rest } = image
  write(o, join(folder(name), "rootfs"), { ...rest, network: machine.network, workspace: kept }, lost)
}

const words = process.argv.slice(2)
if (words[0] === "--version" || words[0] === "-V") {
  print(`smolvm ${version}\n`)
  process.exit(0)
}
const actions = {
  "machine create": create,
  "machine start": start,
  "machine exec": exec,
  "machine stop": stop,
  "machine delete": remove,
  "machine status": status,
  "machine ls": list,
  "pack create": pack,
}
const command = commandOf(words, newer)
const action = actions[command.name] ?? fail(`the stand-in has no ${command.name}`)
if (read("failing") === command.name) fail(`agent operation failed: ${command.name}: the test says so`)
action(command)
