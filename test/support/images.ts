/** Images made of this machine's programs, good ones and bad ones; gone when the scope closes. */
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import { join } from "node:path"
import { ensureDemoImage, IMAGE_CHANGES } from "../../src/layers/docker/demoImage.ts"
import { git as hostGit, imageTar, librariesOf, shell } from "../../src/layers/docker/hostImage.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import { ProcessRunner } from "../../src/services/ProcessRunner.ts"
import type { NeckTool } from "./tools.ts"
import { realProgram } from "./tools.ts"

/** The demo's image, made once on this machine; it stays. */
export const demoImageForTests = (): Promise<string> =>
  Effect.runPromise(Effect.provide(ensureDemoImage, NodeProcessRunner.layer))

/** What an image has beside a shell, and what it is told. */
export interface TestImage {
  /** What can reach the neck; node unless given. */
  readonly tools?: ReadonlyArray<NeckTool>
  /** Whether it has git. */
  readonly git?: boolean
  /** `1000:1000` unless given; `""` leaves it root. */
  readonly user?: string
  readonly volume?: string
  readonly entrypoint?: ReadonlyArray<string>
  /** More of `docker import --change`. */
  readonly changes?: ReadonlyArray<string>
  /** Whose image it is; docker's unless given. */
  readonly engine?: { readonly program: string; readonly env: Readonly<Record<string, string>> }
}

/** A shell, and these tools. */
export const testImageContent = Effect.fnUntraced(function* (tools: ReadonlyArray<NeckTool>, git = false) {
  const base = yield* shell
  const more = git ? yield* hostGit : { programs: [], links: [] }
  const programs = new Map([...base.programs, ...more.programs])
  for (const tool of tools) {
    const path = realProgram(tool)
    if (path !== undefined) programs.set(`/usr/local/bin/${tool}`, path)
  }
  const files = tools.flatMap(modulesOf)
  const linked = [...programs.values(), ...files.filter((file) => file.endsWith(".so"))]
  const libraries = new Set((yield* Effect.forEach(linked, librariesOf, { concurrency: 4 })).flat())
  return { programs, links: new Map([...base.links, ...more.links]), libraries, files }
})

/** Makes an image and answers its reference, which no other test has. */
export const testImage = ({ engine = { program: "docker", env: {} }, ...options }: TestImage = {}) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const runner = yield* ProcessRunner
      const content = yield* testImageContent(options.tools ?? ["node"], options.git)
      const user = options.user ?? "1000:1000"
      const changes = [
        ...IMAGE_CHANGES,
        ...(user === "" ? [] : [`USER ${user}`]),
        ...(options.volume === undefined ? [] : [`VOLUME ${options.volume}`]),
        ...(options.entrypoint === undefined ? [] : [`ENTRYPOINT ${JSON.stringify(options.entrypoint)}`]),
        ...(options.changes ?? []),
      ].flatMap((change) => ["--change", change])
      const reference = `bot-bottle-test/image:${randomUUID()}`
      const made = yield* runner.run({
        command: engine.program,
        env: engine.env,
        args: ["import", ...changes, "-", reference],
        stdin: imageTar(content),
      })
      return made.exitCode === 0 ? reference : yield* Effect.die(made.stderr)
    }),
    (reference) =>
      Effect.gen(function* () {
        const runner = yield* ProcessRunner
        const args = ["image", "rm", "--force", reference]
        yield* Effect.ignore(runner.run({ command: engine.program, env: engine.env, args }))
      }),
  )

/** Modules that the scripts of `bottle/` load, at the place where this machine's interpreter looks for them. */
const modulesOf = (tool: NeckTool): ReadonlyArray<string> => {
  if (tool === "perl") {
    const script =
      "use Socket; use Errno; use Fcntl; use IO::Handle; use POSIX; print join qq(\\n), values %INC, @INC"
    const [...found] = lines("perl", ["-e", script])
    const modules = found.filter((path) => existsSync(path) && statSync(path).isFile())
    const loaded = found
      .filter((path) => existsSync(join(path, "auto")))
      .flatMap((path) =>
        ["Socket/Socket.so", "Fcntl/Fcntl.so", "POSIX/POSIX.so", "IO/IO.so"].map((so) =>
          join(path, "auto", so),
        ),
      )
    return [...new Set([...modules, ...loaded.filter((path) => existsSync(path))])]
  }
  if (tool === "python3") {
    const imports =
      "import sys, os, re, selectors, socket, encodings.ascii, encodings.latin_1, encodings.idna"
    const files = "{m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)}"
    return lines(realProgram("python3") ?? "python3", [
      "-S",
      "-E",
      "-c",
      `${imports}; print('\\n'.join(${files}))`,
    ])
  }
  return []
}

const lines = (command: string, args: ReadonlyArray<string>) =>
  spawnSync(command, args, { encoding: "utf8" }).stdout.trim().split("\n")
