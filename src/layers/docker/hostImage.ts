/** An image made of programs of this machine with their libraries: nothing is pulled or built. */
import { Effect } from "effect"
import type { Stream } from "effect"
import { accessSync, constants, existsSync, realpathSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { TarFileError, TarWriter } from "../tar/tar.ts"
import { tar } from "../tar/tar.ts"

/** Programs of this machine, and links, by their path in an image. */
export type HostPrograms = Pick<HostImageContent, "programs" | "links">

/** Contents of such an image. */
export interface HostImageContent {
  /** Programs of this machine by their path in the image. */
  readonly programs: ReadonlyMap<string, string>
  /** Links, by their path in the image. */
  readonly links: ReadonlyMap<string, string>
  /** Libraries, at the same path as on this machine. */
  readonly libraries: ReadonlySet<string>
  /** Other files of this machine, such as modules of a language, at the same path. */
  readonly files: ReadonlyArray<string>
}

const COREUTILS =
  "cat chmod cp cut date dirname env grep head id kill ls mkdir mv od ps rm sed sleep sort stat tail touch tr true uniq wc"

/** User and group that work in such an image. */
export const AGENT_UID = 1000

/** Path of a program in our PATH. */
export const findProgram = (name: string): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, name))
    .find(isExecutable)

const isExecutable = (path: string): boolean =>
  Effect.runSync(Effect.isSuccess(Effect.try(() => accessSync(path, constants.X_OK))))

/** A shell with the usual tools: busybox if there is one, otherwise `/bin/sh` and coreutils. */
export const shell = Effect.gen(function* () {
  const runner = yield* ProcessRunner
  const busybox = findProgram("busybox")
  if (busybox !== undefined) {
    const applets = yield* runner.run({ command: busybox, args: ["--list"] })
    const names = applets.stdout.split("\n").filter((name) => name !== "" && name !== "busybox")
    return {
      programs: new Map([["/bin/busybox", busybox]]),
      links: new Map(names.map((name) => [`/bin/${name}`, "busybox"])),
    }
  }
  const programs = new Map([["/bin/sh", "/bin/sh"]])
  for (const name of COREUTILS.split(" ")) {
    const path = findProgram(name)
    if (path !== undefined) programs.set(`/bin/${name}`, path)
  }
  return { programs, links: new Map<string, string>() }
})

/** This machine's git, enough to clone, commit and push over http; nothing if there is none. */
export const git = Effect.gen(function* () {
  const none: HostPrograms = { programs: new Map(), links: new Map() }
  const path = findProgram("git")
  if (path === undefined) return none
  const runner = yield* ProcessRunner
  const { stdout } = yield* runner.run({ command: path, args: ["--exec-path"] })
  const core = stdout.trim()
  const helper = join(core, "git-remote-http")
  if (!existsSync(helper)) return none
  const made: HostPrograms = {
    programs: new Map([
      ["/usr/bin/git", path],
      [helper, helper],
    ]),
    links: new Map([[join(core, "git"), "/usr/bin/git"]]),
  }
  return made
})

/** Prints the files that a perl script with these modules loads. */
const PERL_LOADS =
  "use strict; use warnings; use Errno; use Fcntl; use Socket qw(:DEFAULT); print qq($_\\n) for sort(values %INC), @DynaLoader::dl_shared_objects"

/** This machine's perl, with the modules of the scripts in `bottle/`: the lightest that they can use. Nothing if there is none. */
export const perl = Effect.gen(function* () {
  const path = findProgram("perl")
  if (path === undefined) return { programs: new Map<string, string>(), files: [] }
  const runner = yield* ProcessRunner
  const { stdout } = yield* runner.run({ command: path, args: ["-e", PERL_LOADS] })
  return { programs: new Map([["/usr/bin/perl", path]]), files: stdout.split("\n").filter(existsSync) }
})

/** Shared libraries of a program, including its loader; none for a static one. */
export const librariesOf = Effect.fnUntraced(function* (program: string) {
  const runner = yield* ProcessRunner
  // For a static program or a script ldd prints "not a dynamic executable" and exits with 1.
  const { stdout } = yield* runner.run({ command: "ldd", args: [program] })
  return stdout.split("\n").flatMap((line) => {
    const path = /(?:=> |^\s*)(\/\S+)/.exec(line)?.[1]
    return path === undefined ? [] : [path]
  })
})

/** The image's tar, for `docker import -`. Owners are numeric. The agent owns `/tmp`, `/workspace` and its home. */
export const imageTar = (content: HostImageContent): Stream.Stream<Uint8Array, TarFileError> =>
  tar((writer) =>
    Effect.gen(function* () {
      const folder = folders(writer)
      for (const path of ["/bin", "/etc", "/proc", "/sys", "/dev", "/run/bottle", "/var/tmp"])
        yield* folder(path)
      yield* writer.add({ name: "tmp", type: "directory", mode: 0o1777 })
      yield* folder("/home")
      for (const name of ["workspace", "home/agent"]) {
        yield* writer.add({ name, type: "directory", mode: 0o755, uid: AGENT_UID, gid: AGENT_UID })
      }
      for (const [name, text] of Object.entries(ETC))
        yield* writer.add({ name: `etc/${name}`, mode: 0o644 }, text)
      const atTheirPath = [...content.libraries, ...content.files].map((path) => [path, path] as const)
      for (const [path, source] of [...content.programs, ...atTheirPath]) {
        yield* folder(dirname(path))
        yield* writer.file(realpathSync(source), () => ({ name: path.slice(1), mode: 0o755 }))
      }
      for (const [path, target] of content.links) {
        yield* folder(dirname(path))
        yield* writer.add({ name: path.slice(1), type: "symlink", linkname: target, mode: 0o777 })
      }
    }),
  )

const ETC = {
  passwd: `root:x:0:0:root:/:/bin/sh\nagent:x:${AGENT_UID}:${AGENT_UID}:agent:/home/agent:/bin/sh\n`,
  group: `root:x:0:\nagent:x:${AGENT_UID}:\n`,
  hosts: "127.0.0.1 localhost\n::1 localhost\n",
}

/** Adds a folder and its parents, each once. */
const folders = (writer: TarWriter) => {
  const made = new Set(["/"])
  const add = (path: string): Effect.Effect<void> =>
    made.has(path)
      ? Effect.void
      : Effect.suspend(() => {
          made.add(path)
          return Effect.zipRight(
            add(dirname(path)),
            writer.add({
              name: join(dirname(path), basename(path)).slice(1),
              type: "directory",
              mode: 0o755,
            }),
          )
        })
  return add
}
