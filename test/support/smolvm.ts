/** smolvm's stand-in for tests, with data of its own: needs root on Linux; else skipped with one loud line, or failed where CI_REQUIRE_DOCKER=1 says so. */
import { spawnSync } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { findProgram, imageTar, librariesOf } from "../../src/layers/docker/hostImage.ts"
import { Home, homeAt } from "../../src/layers/home/Home.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { makeWith } from "../../src/layers/smolvm/SmolvmBackend.ts"
import { testImageContent } from "./images.ts"
import type { NeckTool } from "./tools.ts"
import { tempDir } from "./tempDir.ts"

const available =
  spawnSync("unshare", ["--mount", "--pid", "--net", "--fork", "busybox", "true"]).status === 0
const required = process.env["CI_REQUIRE_DOCKER"] === "1"

if (!available && !required) {
  process.stderr.write(
    "\n*** NO ROOT WITH NAMESPACES AND busybox HERE: the tests of the smolvm backend are SKIPPED ***\n\n",
  )
}

/** `describe` for tests over the stand-in. */
export const describeSmolvm = (name: string, tests: () => void): void => {
  if (available) describe(name, tests)
  else if (required)
    describe(name, () => it("has namespaces", () => expect.fail("unshare does not work here")))
  else describe.skip(name, tests)
}

const program = new URL("./smolvm-standin.mjs", import.meta.url).pathname

/** Name of the image in every stand-in's registry. */
export const IMAGE = "registry.example/agent:1"

/** Puts lines before those that an image's tar has in its /etc/passwd. */
const replacePasswd = (tar: string, lines: string) => {
  const root = mkdtempSync(join(tmpdir(), "bot-bottle-passwd-"))
  const ran = spawnSync("sh", [
    "-c",
    `cd "$0" && tar -xf "$1" etc/passwd && printf %s "$2" >>etc/passwd && tar --delete -f "$1" etc/passwd && tar -rf "$1" --owner=0 --group=0 etc/passwd`,
    root,
    tar,
    lines,
  ])
  rmSync(root, { recursive: true })
  expect(ran.stderr.toString()).toBe("")
}

/** A stand-in with a registry that has one image, gone with its machines when the scope closes. */
export const standIn = (
  options: {
    readonly version?: string
    readonly user?: string
    readonly git?: boolean
    /** Beside busybox; perl unless given. */
    readonly tools?: ReadonlyArray<NeckTool>
    /** Whether the image has setpriv. */
    readonly setpriv?: boolean
    /** More lines of its /etc/passwd. */
    readonly passwd?: string
  } = {},
) =>
  Effect.gen(function* () {
    const data = yield* tempDir
    const registry = join(data, "registry")
    mkdirSync(registry)
    const file = join(registry, IMAGE.replaceAll("/", "_"))
    const content = yield* Effect.orDie(testImageContent(options.tools ?? ["perl"], options.git))
    const programs = new Map(content.programs)
    const libraries = new Set(content.libraries)
    // busybox's own can change no user.
    const setpriv = options.setpriv === true ? findProgram("setpriv") : undefined
    if (setpriv !== undefined) {
      programs.set("/usr/bin/setpriv", setpriv)
      for (const path of yield* Effect.orDie(librariesOf(setpriv))) libraries.add(path)
    }
    yield* Effect.orDie(
      Stream.runForEach(imageTar({ ...content, programs, libraries }), (bytes) =>
        Effect.sync(() => appendFileSync(`${file}.tar`, bytes)),
      ),
    )
    if (options.passwd !== undefined) replacePasswd(`${file}.tar`, options.passwd)
    writeFileSync(
      `${file}.json`,
      JSON.stringify({ user: options.user ?? "1000:1000", env: { HOME: "/home/agent" } }),
    )
    if (options.version !== undefined) writeFileSync(join(data, "version"), options.version)
    const run = (...args: ReadonlyArray<string>) =>
      spawnSync(program, args, { encoding: "utf8", env: { ...process.env, SMOLVM_DATA_DIR: data } })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        const machines = join(data, "machines")
        for (const name of existsSync(machines) ? readdirSync(machines) : []) {
          run("machine", "delete", "--name", name, "--force")
        }
      }),
    )
    return {
      data,
      env: { SMOLVM_DATA_DIR: data },
      program,
      run,
      /** Packs the image; answers the pack's path. */
      pack: () => {
        const { status, stderr } = run("pack", "create", "--image", IMAGE, "--output", join(data, "agent"))
        if (status !== 0) throw new Error(stderr)
        return join(data, "agent.smolmachine")
      },
      /** Every call that was made. */
      calls: (): ReadonlyArray<ReadonlyArray<string>> =>
        readFileSync(join(data, "log"), "utf8")
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      /** A machine that runs answers no more. */
      freezeProcess: (name: string) => {
        const { pid } = JSON.parse(readFileSync(join(data, "machines", name, "machine.json"), "utf8"))
        process.kill(pid, "SIGSTOP")
      },
      /** A command fails until it no longer does. */
      fails: (command: string, failing: boolean) =>
        failing ? writeFileSync(join(data, "failing"), command) : rmSync(join(data, "failing")),
      /** How often a call found the database locked. */
      locked: () => (existsSync(join(data, "locked")) ? statSync(join(data, "locked")).size : 0),
      /** Processes of this machine with these words in their command line. */
      processes: (words: string): ReadonlyArray<string> =>
        readdirSync("/proc").filter((pid) => {
          if (!/^\d+$/.test(pid)) return false
          const { stdout } = spawnSync("cat", [`/proc/${pid}/cmdline`], { encoding: "utf8" })
          return stdout.includes(words) && stdout.startsWith("sh\0")
        }),
      /** `exec --user` is ignored for a command that has this in it. */
      deafFrom: (text: string) => writeFileSync(join(data, "deaf"), text),
      /** The next start fails with this text. */
      fault: (text: string) => writeFileSync(join(data, "fault"), text),
    }
  })

/** What a stand-in is. */
export type StandIn = Effect.Effect.Success<ReturnType<typeof standIn>>

/** Two backends on one new home, as two processes have them. */
export const smolvmInstances = (smolvm: {
  readonly env: Readonly<Record<string, string>>
  readonly program: string
}) =>
  Effect.gen(function* () {
    const home = homeAt(yield* tempDir)
    const make = makeWith({ env: smolvm.env, program: smolvm.program }).pipe(
      Effect.provideService(Home, home),
      Effect.provide(NodeProcessRunner.layer),
    )
    return { home, first: yield* make, second: yield* make }
  })

/** A program named smolvm that says what is given, for probes. */
export const impostor = (version: string) =>
  Effect.map(tempDir, (dir) => {
    const path = join(dir, "smolvm")
    writeFileSync(
      path,
      `#!/bin/sh\n[ "$1" = --version ] && { echo '${version}'; exit 0; }\necho 'no such command' >&2; exit 2\n`,
    )
    chmodSync(path, 0o755)
    return path
  })
