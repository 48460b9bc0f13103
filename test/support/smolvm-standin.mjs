#!/usr/bin/env node
// A stand-in for smolvm: the flags of its reference and no other, its output and error texts, and machines that are
// namespaces of this kernel with a root directory of their own. Needs root, unshare, nsenter, tar and a static busybox.
//
// State is below SMOLVM_DATA_DIR: machines/<name>/{machine.json, rootfs/, tmp/, run/}, log (one line for each call),
// and `version` ("1.9.3", or what is written there), `fault` (a text that the next start fails with).
// An image "NAME" is registry/<NAME with / as _>.tar, with registry/<...>.json {user, env} beside it.
import { spawn, spawnSync } from "node:child_process"
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"

const data = process.env.SMOLVM_DATA_DIR
if (!data) fail("config operation failed: the stand-in needs SMOLVM_DATA_DIR")
const read = (name, otherwise) =>
  existsSync(join(data, name)) ? readFileSync(join(data, name), "utf8").trim() : otherwise
const version = read("version", "1.17.0")
const since = (minor) => Number(version.split(".")[1]) >= minor
const machines = join(data, "machines")
mkdirSync(machines, { recursive: true })
appendFileSync(join(data, "log"), `${JSON.stringify(process.argv.slice(2))}\n`)

/** "flag": takes nothing, "value": once, "values": as often as one likes. The first name is the long one. */
const name = { "--name": ["value", "-n"] }
const FLAGS = {
  "machine create": {
    ...name,
    "--label": ["values"],
    "--image": ["value", "-I"],
    "--max-image-size": ["value"],
    "--cpus": ["value"],
    "--mem": ["value"],
    "--storage": ["value"],
    "--overlay": ["value"],
    "--volume": ["values", "-v"],
    "--port": ["values", "-p"],
    "--net": ["flag"],
    "--net-backend": ["value"],
    "--dns": ["value"],
    "--network": ["value"],
    "--allow-cidr": ["values"],
    "--allow-host": ["values"],
    "--outbound-localhost-only": ["flag"],
    "--expose-socket": ["values"],
    "--mount-socket": ["values"],
    "--init": ["values"],
    "--env": ["values", "-e"],
    "--workdir": ["value", "-w"],
    "--ssh-agent": ["flag"],
    "--docker-socket": ["flag"],
    "--secret-env": ["values"],
    "--secret-file": ["values"],
    "--smolfile": ["value", "-s"],
    "--from": ["value"],
    "--gpu": ["flag"],
    "--gpu-vram": ["value"],
    "--rosetta": ["flag"],
    "--cuda": ["flag"],
    "--auto-graph": ["flag"],
    ...(since(17) && {
      "--user": ["value", "-u"],
      "--disk": ["values"],
      "--block-io": ["value"],
      "--nested": ["flag"],
    }),
  },
  "machine start": {
    ...name,
    "--forkable": ["flag"],
    "--fork-pool-size": ["value"],
    "--cuda-vram-limit-mib": ["value"],
    "--proxy": ["value"],
    "--no-proxy": ["value"],
  },
  "machine exec": {
    // `-n` is no name of it.
    "--name": ["value"],
    "--workdir": ["value", "-w"],
    "--env": ["values", "-e"],
    "--secret-env": ["values"],
    "--secret-file": ["values"],
    "--timeout": ["value"],
    "--interactive": ["flag", "-i"],
    "--tty": ["flag", "-t"],
    "--stream": ["flag"],
    "--detach": ["flag", "-d"],
    ...(since(17) && { "--user": ["value", "-u"] }),
  },
  "machine stop": { ...name },
  "machine delete": { ...name, "--force": ["flag", "-f"], "--cascade": ["flag"] },
  "machine status": { ...name, "--json": ["flag"] },
  "machine ls": { "--verbose": ["flag", "-v"], "--json": ["flag"] },
  "pack create": {
    "--image": ["value", "-I"],
    "--from-vm": ["value"],
    "--smolfile": ["value", "-s"],
    "--output": ["value", "-o"],
    "--cpus": ["value"],
    "--mem": ["value"],
    "--oci-platform": ["value"],
    "--entrypoint": ["value"],
    "--no-sign": ["flag"],
    "--single-file": ["flag"],
    "--rebase-from-image": ["value"],
    "--staging-dir": ["value"],
    "--gpu": ["flag"],
    "--proxy": ["value"],
    ...(since(17) && { "--include-workspace": ["flag"] }),
  },
}
const SUBCOMMANDS = {
  machine:
    "run exec create start fork fork-release stop delete status egress-events ls update images prune shell cp monitor data-dir".split(
      " ",
    ),
  pack: "create run push pull inspect prune".split(" "),
}

function fail(message) {
  process.stderr.write(`Error: ${message}\n`)
  process.exit(1)
}
function usage(message) {
  process.stderr.write(`error: ${message}\n\nFor more information, try '--help'.\n`)
  process.exit(2)
}
const print = (text) => process.stdout.write(text)
const help = (title, words) => {
  print(`${title}\n\n${words.map((word) => `      ${word}`).join("\n")}\n`)
  process.exit(0)
}

/** As clap reads: unknown flags, repeated ones and stray words are exit 2; what follows `--` is left alone. */
function parse(command, words) {
  const flags = FLAGS[command]
  const options = {}
  const rest = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    if (word === "--") {
      rest.push(...words.slice(i + 1))
      break
    }
    if (word === "--help" || word === "-h") {
      help(
        `Usage: smolvm ${command} [OPTIONS]`,
        Object.entries(flags).map(([long, [, short]]) => (short ? `${short}, ${long}` : long)),
      )
    }
    if (!word.startsWith("-")) {
      if (command !== "machine exec") usage(`unexpected argument '${word}' found`)
      rest.push(...words.slice(i))
      break
    }
    const [given, attached] =
      word.startsWith("--") && word.includes("=")
        ? [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]
        : [word]
    const found = Object.entries(flags).find(([long, [, short]]) => given === long || given === short)
    if (found === undefined) usage(`unexpected argument '${given}' found`)
    const [long, [kind]] = found
    const key = long.slice(2)
    if (kind === "flag") {
      options[key] = true
      continue
    }
    const value = attached ?? words[++i]
    if (value === undefined) usage(`a value is required for '${long} <VALUE>' but none was supplied`)
    if (kind === "values") (options[key] ??= []).push(value)
    else if (key in options) usage(`the argument '${long} <VALUE>' cannot be used multiple times`)
    else options[key] = value
  }
  return { options, rest }
}

const folder = (machine) => join(machines, machine)
const load = (machine) => {
  const file = join(folder(machine), "machine.json")
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined
}
const save = (machine) => writeFileSync(join(folder(machine.name), "machine.json"), JSON.stringify(machine))
const known = (machine) => load(machine) ?? fail(`vm not found: ${machine}`)
const lives = (pid) =>
  existsSync(`/proc/${pid}/ns`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
const stateOf = (machine) =>
  machine.pid !== null && lives(machine.pid) ? "running" : machine.pid === null ? machine.state : "stopped"
const sh = (command, args, options = {}) => spawnSync(command, args, { encoding: "utf8", ...options })

const FORBIDDEN = /^\/$|^\/var$|^\/(var\/run|var\/log|etc|boot|usr|bin|sbin|lib|proc|sys|dev|run)(\/|$)/

function create({ options: o, rest }) {
  const machine = o.name ?? fail("config operation failed: create machine: the stand-in makes no names")
  if (!/^[A-Za-z0-9](?!.*--)[A-Za-z0-9_-]{0,127}$/.test(machine) || machine.endsWith("-"))
    fail(`config operation failed: create machine: invalid machine name '${machine}'`)
  if (o.from !== undefined && (o.image !== undefined || o.smolfile !== undefined))
    usage("the argument '--from <FROM>' cannot be used with '--image <IMAGE>'")
  if (load(machine))
    fail(`config operation failed: create machine: machine '${machine}' already exists or is being created`)
  if (o.from === undefined)
    fail(
      "config operation failed: create machine: the stand-in makes machines from packs alone: an image needs --net",
    )
  if (!o.from.endsWith(".smolmachine") || !existsSync(o.from))
    fail(`config operation failed: read pack: ${o.from}: No such file or directory (os error 2)`)
  for (const key of ["cpus", "mem"])
    if (o[key] !== undefined && !/^[1-9]\d*$/.test(o[key]))
      usage(`invalid value '${o[key]}' for '--${key} <N>': invalid digit found in string`)
  const mounts = (o.volume ?? []).map((volume) => {
    const [host, guest, mode = "rw", more] = volume.split(":")
    if (!guest?.startsWith("/") || more !== undefined || !["ro", "rw"].includes(mode))
      fail(`config operation failed: invalid volume '${volume}'`)
    if (FORBIDDEN.test(host))
      fail(`config operation failed: mount source '${host}' is a protected system path`)
    if (!existsSync(host) || !statSync(host).isDirectory())
      fail(`config operation failed: mount source '${host}' is not a directory`)
    return { host, guest, mode }
  })
  const sockets = (o["mount-socket"] ?? []).map((socket) => {
    const [host, guest, more] = socket.split(":")
    if (!guest?.startsWith("/") || more !== undefined || /[;|]/.test(guest))
      fail(`config operation failed: invalid socket mount '${socket}'`)
    return { host, guest }
  })
  const paths = [...mounts, ...sockets].map(({ guest }) => guest)
  if (new Set(paths).size !== paths.length) fail("config operation failed: guest paths must be unique")
  mkdirSync(join(folder(machine), "rootfs"), { recursive: true })
  const unpacked = sh("tar", [
    "-x",
    "-p",
    "--numeric-owner",
    "-f",
    o.from,
    "-C",
    join(folder(machine), "rootfs"),
  ])
  if (unpacked.status !== 0) fail(`config operation failed: read pack: ${unpacked.stderr}`)
  const config = join(folder(machine), "rootfs", ".standin.json")
  const image = JSON.parse(readFileSync(config, "utf8"))
  rmSync(config)
  save({
    name: machine,
    state: "created",
    cpus: Number(o.cpus ?? 4),
    memory_mib: Number(o.mem ?? 8192),
    pid: null,
    created_at: String(Date.now()),
    labels: Object.fromEntries(
      (o.label ?? []).map((label) => [
        label.slice(0, label.indexOf("=")),
        label.slice(label.indexOf("=") + 1),
      ]),
    ),
    network: image.network === true || o.net === true,
    image,
    mounts,
    sockets,
    init: o.init ?? [],
    workload: rest,
    wasStarted: false,
  })
  print(`Created machine: ${machine}\n`)
}

/** The machine is its first process: of all its namespaces, with `lo` alone, and all ends with it. */
function start({ options: o }) {
  const machine = known(o.name ?? "default")
  if (stateOf(machine) === "running") return print(`Machine '${machine.name}' already running\n`)
  const fault = read("fault")
  if (fault !== undefined) {
    const [text, left = "1"] = fault.split("#")
    if (Number(left) <= 1) rmSync(join(data, "fault"))
    else writeFileSync(join(data, "fault"), `${text}#${Number(left) - 1}`)
    fail(text)
  }
  process.stderr.write("Starting machine...\n")
  const dir = folder(machine.name)
  const root = join(dir, "rootfs")
  for (const part of ["tmp", "run"]) {
    rmSync(join(dir, part), { recursive: true, force: true })
    mkdirSync(join(dir, part), { mode: part === "tmp" ? 0o1777 : 0o755 })
    mkdirSync(join(root, part), { recursive: true })
  }
  sh("chmod", ["1777", join(dir, "tmp")])
  const q = (text) => `'${text.replaceAll("'", "'\\''")}'`
  const mount = machine.mounts.map(
    ({ host, guest, mode }) =>
      `mkdir -p ${q(root + guest)} && mount --bind ${q(host)} ${q(root + guest)} && mount -o remount,bind,${mode} ${q(root + guest)}`,
  )
  const socket = machine.sockets.map(
    ({ host, guest }) =>
      `mkdir -p $(dirname ${q(root + guest)}) && : >${q(root + guest)} && mount --bind ${q(host)} ${q(root + guest)}`,
  )
  const boot = [
    "set -e",
    "mount --make-rprivate /",
    `mount --bind ${q(join(dir, "tmp"))} ${q(join(root, "tmp"))}`,
    `mount --bind ${q(join(dir, "run"))} ${q(join(root, "run"))}`,
    `mkdir -p ${q(join(root, "proc"))} ${q(join(root, "dev"))}`,
    `mount -t proc proc ${q(join(root, "proc"))}`,
    `[ -e ${q(join(root, "dev/null"))} ] || mknod -m 666 ${q(join(root, "dev/null"))} c 1 3`,
    `[ -e ${q(join(root, "dev/zero"))} ] || mknod -m 666 ${q(join(root, "dev/zero"))} c 1 5`,
    `[ -e ${q(join(root, "dev/urandom"))} ] || mknod -m 666 ${q(join(root, "dev/urandom"))} c 1 9`,
    ...mount,
    ...socket,
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
    const inner = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim()
    save({ ...machine, state: "running", pid: Number(inner), boot: child.pid, wasStarted: true })
    if (!machine.wasStarted)
      for (const command of machine.init) {
        const done = sh(NSENTER, [...enter(Number(inner)), CHROOT, root, "/bin/sh", "-c", command])
        if (done.status !== 0) fail(`agent operation failed: init: ${done.stderr}`)
      }
    print(`Machine '${machine.name}' running (PID: ${child.pid})\n`)
    process.exit(0)
  })
}

const program = (name) => sh("sh", ["-c", `command -v ${name}`]).stdout.trim()
const [NSENTER, CHROOT] = ["nsenter", "chroot"].map(program)
const enter = (pid) => ["--target", String(pid), "--mount", "--pid", "--net", "--ipc", "--uts"]

function exec({ options: o, rest }) {
  if (rest.length === 0) usage("the following required arguments were not provided:\n  <COMMAND>...")
  if (o.detach && (o.interactive || o.tty || o.stream))
    usage("the argument '--detach' cannot be used with '--interactive'")
  const machine = known(o.name ?? "default")
  if (stateOf(machine) !== "running")
    fail(
      `agent operation failed: connect: machine '${machine.name}' is not running. Use 'smolvm machine start --name ${machine.name}' first.`,
    )
  const root = join(folder(machine.name), "rootfs")
  const user = o.user ?? machine.image.user ?? "0:0"
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/", ...machine.image.env }
  const cd = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', o.workdir ?? machine.image.workdir ?? "/"]
  const child = spawn(NSENTER, [...enter(machine.pid), CHROOT, `--userspec=${user}`, root, ...cd, ...rest], {
    env,
    stdio: [
      o.interactive ? "inherit" : "ignore",
      o.interactive ? "inherit" : "pipe",
      o.interactive ? "inherit" : "pipe",
    ],
  })
  const all = { stdout: [], stderr: [] }
  for (const stream of ["stdout", "stderr"]) child[stream]?.on("data", (bytes) => all[stream].push(bytes))
  child.on("exit", (code, signal) => {
    // The machine's processes end before the machine itself does.
    if (signal !== null || code === 137) {
      for (let tries = 0; tries < 15 && lives(machine.pid); tries++) sh("sleep", ["0.02"])
    }
    if (!lives(machine.pid)) {
      process.stderr.write("Error: connection to VM lost\n")
      process.exit(130)
    }
    print(Buffer.concat(all.stdout))
    process.stderr.write(Buffer.concat(all.stderr))
    process.exitCode = signal === null ? code : 137
  })
}

function stop({ options: o }) {
  const machine = known(o.name ?? "default")
  if (stateOf(machine) !== "running")
    return print(`Machine '${machine.name}' is not running (state: ${stateOf(machine)})\n`)
  process.kill(machine.pid, "SIGKILL")
  while (lives(machine.pid)) sh("sleep", ["0.02"])
  save({ ...machine, state: "stopped", pid: null })
  print(`Stopped machine: ${machine.name}\n`)
}

function remove({ options: o }) {
  const machine = known(
    o.name ?? usage("the following required arguments were not provided:\n  --name <NAME>"),
  )
  if (!o.force && !o.cascade)
    fail(`deleting machine '${machine.name}' needs confirmation but stdin is not a terminal`)
  if (stateOf(machine) === "running") stop({ options: o })
  rmSync(folder(machine.name), { recursive: true, force: true })
  print(`Deleted machine: ${machine.name}\n`)
}

const told = (machine) => {
  const { name, cpus, memory_mib, pid, created_at, labels, network, mounts } = machine
  return {
    name,
    state: stateOf(machine),
    cpus,
    memory_mib,
    pid,
    mounts: mounts.length,
    ports: 0,
    created_at,
    ephemeral: false,
    labels,
    network,
  }
}

function status({ options: o }) {
  const machine = load(o.name ?? "default")
  if (!machine)
    fail(
      o.json
        ? `config operation failed: machine status: machine '${o.name}' not found`
        : `vm not found: ${o.name}`,
    )
  print(o.json ? `${JSON.stringify(told(machine))}\n` : `Machine '${machine.name}': ${stateOf(machine)}\n`)
}

function list({ options: o }) {
  const all = readdirSync(machines).map(load).filter(Boolean).map(told)
  print(
    o.json ? `${JSON.stringify(all)}\n` : all.map((machine) => `${machine.name} ${machine.state}\n`).join(""),
  )
}

function pack({ options: o }) {
  if (o.output === undefined)
    usage("the following required arguments were not provided:\n  --output <OUTPUT>")
  if (o.output.endsWith(".smolmachine"))
    fail("config operation failed: pack: the output must not end in .smolmachine")
  const sources = ["image", "from-vm", "smolfile"].filter((key) => o[key] !== undefined)
  if (sources.length !== 1) usage("exactly one of '--image', '--from-vm', '--smolfile' is needed")
  const out = `${o.output}.smolmachine`
  const write = (root, image, ...excluded) => {
    const config = join(root, ".standin.json")
    writeFileSync(config, JSON.stringify(image))
    const made = sh("tar", [
      "-c",
      "-p",
      "--numeric-owner",
      "-f",
      out,
      ...excluded.map((path) => `--exclude=./${path}/*`),
      "-C",
      root,
      ".",
    ])
    rmSync(config)
    if (made.status !== 0) fail(`agent operation failed: pack: ${made.stderr}`)
    writeFileSync(o.output, "#!stub\n", { mode: 0o755 })
    print(`Packed: ${out}\n`)
  }
  if (o["from-vm"] !== undefined) {
    const machine = known(o["from-vm"])
    if (stateOf(machine) === "running")
      fail(`agent operation failed: pack: machine '${machine.name}' is running; stop it first`)
    if (!machine.wasStarted)
      fail(`agent operation failed: pack: machine '${machine.name}' has no disk yet; start it once`)
    return write(
      join(folder(machine.name), "rootfs"),
      machine.image,
      "tmp",
      "run",
      "proc",
      ...(o["include-workspace"] ? [] : ["workspace"]),
    )
  }
  const base = join(data, "registry", o.image?.replaceAll("/", "_") ?? "")
  if (!existsSync(`${base}.tar`)) fail(`agent operation failed: pull image '${o.image}': manifest unknown`)
  const staging = join(data, `staging-${process.pid}`)
  mkdirSync(staging, { recursive: true })
  sh("tar", ["-x", "-p", "--numeric-owner", "-f", `${base}.tar`, "-C", staging])
  process.stderr.write(`Pulling ${o.image}...\n`)
  write(staging, JSON.parse(readFileSync(`${base}.json`, "utf8")))
  rmSync(staging, { recursive: true, force: true })
}

const [group, command, ...words] = process.argv.slice(2)
if (group === "--version" || group === "-V") {
  print(`smolvm ${version}\n`)
  process.exit(0)
}
const subcommands = SUBCOMMANDS[group] ?? usage(`unrecognized subcommand '${group ?? ""}'`)
if (command === "--help") help(`Usage: smolvm ${group} <COMMAND>`, subcommands)
if (!subcommands.includes(command)) usage(`unrecognized subcommand '${command ?? ""}'`)
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
const action = actions[`${group} ${command}`] ?? fail(`the stand-in has no ${group} ${command}`)
action(parse(`${group} ${command}`, words))
