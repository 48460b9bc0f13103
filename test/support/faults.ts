/** Faults on purpose: a home whose commands can be killed at each of their steps, and what is left of its bottles. */
import { build } from "esbuild"
import { spawnSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { makeCli } from "./cli.ts"
import type { Cli, CliResult } from "./cli.ts"

/** What turns the clock of our programs, where it is installed. */
export const faketime = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"]
  .map((folder) => join(folder, "faketime/libfaketime.so.1"))
  .find((file) => existsSync(file))
if (faketime === undefined)
  process.stderr.write("\n*** tests that turn the clock are SKIPPED: install libfaketime ***\n\n")

/** Environment of a command whose clock is so far off. */
export const clockAt = (offset: string): Readonly<Record<string, string>> =>
  faketime === undefined ? {} : { LD_PRELOAD: faketime, FAKETIME: offset }

/** Bundles the bin that counts its steps; answers its path. */
export const bundleFaultyCli = async (): Promise<string> => {
  const outdir = "test/.bundles"
  const { outputFiles } = await build({
    entryPoints: { "bot-bottle": "test/support/faultyCli.ts" },
    outdir,
    write: false,
    bundle: true,
    splitting: true,
    platform: "node",
    target: "node20",
    format: "esm",
    minifySyntax: true,
    external: ["better-sqlite3"],
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
  })
  mkdirSync(outdir, { recursive: true })
  // Other test files use the same bundle at this moment: none may see half of a file.
  for (const { path, contents } of outputFiles) {
    if (existsSync(path) && readFileSync(path).equals(contents)) continue
    writeFileSync(`${path}.${process.pid}`, contents)
    renameSync(`${path}.${process.pid}`, path)
  }
  return join(process.cwd(), outdir, "bot-bottle.js")
}

/** A step: the names from the command to it, with ` #n` from the second time on. */
export type Step = string

/** The last name of a step's path; of a program that is run, who runs it too. */
export const nameOf = (step: Step): string => {
  const names = step.replace(/ #\d+$/, "").split(" > ")
  const runs = (names.at(-1) ?? "").startsWith("ProcessRunner.")
  return names.slice(runs ? -2 : -1).join(" > ")
}

/** The variables that kill a process at a step: where it runs a program or starts a container, when that is under way. */
export const killAt = (step: Step): Readonly<Record<string, string>> => ({
  FAULT_KILL: step,
  FAULT_AFTER_MS: /ProcessRunner\.|socketTransport\.start/.test(nameOf(step)) ? PROGRAM_RUNS_MS : "0",
})

/** A home, its commands, and those commands with a fault. */
export interface FaultyCli extends Cli {
  /** Runs a command and answers the steps it took. */
  readonly record: (args: ReadonlyArray<string>) => Promise<CliResult & { steps: ReadonlyArray<Step> }>
  /** Runs a command that is killed at a step: where it runs a program, when that runs. Whether it got there. */
  readonly kill: (step: Step, args: ReadonlyArray<string>) => Promise<CliResult & { killed: boolean }>
  /** As `run`, and fails unless the command succeeds. */
  readonly ok: (...args: ReadonlyArray<string>) => Promise<CliResult>
  readonly list: () => Promise<ReadonlyArray<Record<string, unknown>>>
  /** Runs `gc` an hour ahead, when nothing is young any more; answers the slugs of bottles that it removed, or found. */
  readonly gc: (...args: ReadonlyArray<string>) => Promise<ReadonlyArray<string>>
  /** What the engine has of a slug: states of containers, the helpers' too, references of images, and volumes, used or left. */
  readonly engine: (slug?: string) => {
    readonly containers: ReadonlyArray<string>
    readonly images: ReadonlyArray<string>
    readonly volumes: ReadonlyArray<string>
  }
  /** All that is left of every bottle of this home: objects of the engine, processes, sockets, files. */
  readonly remains: () => ReadonlyArray<string>
}

/** Looks until it is empty, for 10 s; answers what it saw last. */
export const untilEmpty = async (look: () => ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  for (let attempt = 1; ; attempt += 1) {
    const seen = look()
    if (seen.length === 0 || attempt === 50) return seen
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** How long after its start a program runs: docker's client has then sent its request, or is about to. */
const PROGRAM_RUNS_MS = "15"

/** A home of its own, for `bin` from `bundleFaultyCli`. */
export const makeFaultyCli = (bin: string, env: Readonly<Record<string, string>> = {}): FaultyCli => {
  const plain = makeCli()
  const temporary = join(plain.home, "..", "tmp")
  mkdirSync(temporary)
  let recordings = 0
  const cli: Cli = {
    ...plain,
    start: (args, options = {}) =>
      plain.start(args, { bin, ...options, env: { TMPDIR: temporary, ...env, ...options.env } }),
    run: (args, options) => cli.start(args, options).result,
  }
  const docker = (...args: ReadonlyArray<string>): ReadonlyArray<string> =>
    spawnSync("docker", args, { encoding: "utf8", env: { ...process.env, ...env } })
      .stdout.split("\n")
      .filter((line) => line !== "")
  const installation = (): string => {
    const file = join(cli.home, "installation")
    return existsSync(file) ? (readFileSync(file, "utf8").split("\n")[0] ?? "") : "none"
  }
  const engine: FaultyCli["engine"] = (slug) => {
    const id = installation()
    const of = slug === undefined ? [] : ["--filter", `label=bot-bottle.slug=${slug}`]
    const label = ["--filter", `label=bot-bottle.installation=${id}`, ...of]
    const boxes = docker("ps", "--all", "--format", "{{.State}} {{.LocalVolumes}}", ...label).map((line) =>
      line.split(" "),
    )
    return {
      containers: boxes.map(([state = ""]) => state),
      images: docker("images", "--format", "{{.Repository}}:{{.Tag}}", ...label),
      // A volume without a name has no label: it is known by the container that has it.
      volumes: [
        ...boxes.filter(([, count]) => count !== "0").map(([state]) => `of a container, ${state}`),
        ...docker("volume", "ls", "--quiet", ...label),
      ],
    }
  }
  return {
    ...cli,
    record: async (args) => {
      const file = join(cli.home, "..", `steps-${++recordings}`)
      const result = await cli.run(args, { env: { FAULT_STEPS: file } })
      return { ...result, steps: readFileSync(file, "utf8").trim().split("\n") }
    },
    kill: async (step, args) => {
      const result = await cli.run(args, { env: killAt(step) })
      return { ...result, killed: result.code === 137 }
    },
    ok: async (...args) => {
      const result = await cli.run(args)
      if (result.code !== 0) throw new Error(`${args.join(" ")}: ${result.code} ${result.stderr}`)
      return result
    },
    list: async () => {
      const { stdout, stderr } = await cli.run(["list", "--json"])
      if (stdout === "") throw new Error(`list: ${stderr}`)
      return JSON.parse(stdout)
    },
    gc: async (...args) => {
      const { code, stdout, stderr } = await cli.run(["gc", "--json", ...args], { env: clockAt("+1h") })
      if (code !== 0) throw new Error(`gc: ${code} ${stderr}`)
      const told = JSON.parse(stdout) as ReadonlyArray<{ readonly kind: string; readonly slug: string }>
      return told.filter(({ kind }) => kind === "row" || kind === "box").map(({ slug }) => slug)
    },
    engine,
    remains: () => {
      const { containers, images, volumes } = engine()
      const short = installation().slice(0, 8)
      return [
        ...containers.map((state) => `container, ${state}`),
        ...images.map((reference) => `image ${reference}`),
        ...volumes.map((name) => `volume ${name}`),
        ...processesOf(cli.home, short).map((line) => `process ${line}`),
        ...filesOf(cli.home),
        ...readdirSync(temporary).map((name) => `temporary file ${name}`),
      ]
    },
  }
}

/** Processes that hold a file or socket of the home, work in it, or name it or its installation in their arguments. */
const processesOf = (home: string, installation: string): ReadonlyArray<string> =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      const read = <A>(look: () => A, otherwise: A): A => {
        try {
          return look()
        } catch {
          return otherwise
        }
      }
      const folder = `/proc/${pid}`
      const command = read(() => readFileSync(`${folder}/cmdline`, "utf8"), "").replaceAll("\0", " ")
      const files = read(() => readdirSync(`${folder}/fd`), []).map((fd) =>
        read(() => readlinkSync(`${folder}/fd/${fd}`), ""),
      )
      const cwd = read(() => readlinkSync(`${folder}/cwd`), "")
      const ours =
        command.includes(home) ||
        command.includes(`bot-bottle-${installation}`) ||
        [cwd, ...files].some((path) => path.startsWith(home))
      return ours ? [`${pid} ${command}`] : []
    })

/** What belongs to a home that has had bottles and has none: statements and their keys survive `destroy`. */
const EMPTY_HOME = /^(agents|bottles|state|run|installation|provenance|signing|bot-bottle\.db(-wal|-shm)?)$/

const filesOf = (home: string): ReadonlyArray<string> => [
  ...readdirSync(home)
    .filter((name) => !EMPTY_HOME.test(name))
    .map((name) => `file ${name}`),
  ...["state", "run"].flatMap((folder) =>
    existsSync(join(home, folder))
      ? readdirSync(join(home, folder), { recursive: true, encoding: "utf8" }).map(
          (name) => `file ${folder}/${name}`,
        )
      : [],
  ),
  ...readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .filter((line) => line.includes(home))
    .map((line) => `socket ${line.slice(line.indexOf(home))}`),
]

/** Processes of this machine with the text in their arguments, which zeros separate. */
export const processesWith = (text: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text)
    } catch {
      return false
    }
  })

/** Sidecars of a bottle: processes that have its operation log open. */
export const sidecarsOf = ({ home }: Pick<Cli, "home">, slug: string): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((pid) => {
    try {
      const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8")
      const serves = files.includes(join(home, "state", slug, "operations.jsonl"))
      return /^\d+$/.test(pid) && serves && command.includes("sidecar") ? [Number(pid)] : []
    } catch {
      return []
    }
  })
