/**
 * The start-up snapshot of the sidecar's program: a sidecar starts from it in 0.6 of the processor time. It is made beside the program,
 * in the background, once V8's code cache of an earlier run is there. It fits one version of node on one kind of processor.
 */
import { Effect, Option } from "effect"
import { createHash } from "node:crypto"
import { accessSync, constants, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { cpus } from "node:os"
import { dirname, join, resolve } from "node:path"
import type { DetachedSpec } from "../../services/ProcessRunner.ts"
import { packageFile } from "../home/packageRoot.ts"

/** What node runs as a sidecar. */
export interface SidecarProgram {
  /** Its arguments without a snapshot. */
  readonly plain: ReadonlyArray<string>
  /** Those that start it from its snapshot; none when there is no snapshot. */
  readonly fast: Effect.Effect<Option.Option<ReadonlyArray<string>>>
  /** The process that makes a snapshot; none when there is one, when it cannot be made, or when it is too early. */
  readonly making: Effect.Effect<Option.Option<DetachedSpec>>
  /** Removes a snapshot that does not start. */
  readonly forget: Effect.Effect<void>
}

/** A bin of somebody else's, which has no snapshot. */
export const otherProgram = (bin: string): SidecarProgram => ({
  plain: [resolve(bin)],
  fast: Effect.succeedNone,
  making: Effect.succeedNone,
  forget: Effect.void,
})

const PROGRAM = "sidecar.main.cjs"

/** What runs the program without a snapshot. With one, node only shows its name. */
const RUNNER = "sidecar.cjs"

/**
 * Of several makers one writes, and one that was killed is overtaken after a minute. An empty file says that none can be made here: a
 * snapshot is an experimental feature of node.
 */
const MAKE = `umask 022
part=$1.part
find "$part" -mmin +1 -delete 2>/dev/null
(set -C; : >"$part") 2>/dev/null || exit 0
blob=$1; shift
nice -n 19 "$0" --snapshot-blob "$part" "$@" >/dev/null 2>&1
case $? in
0) mv -f "$part" "$blob" ;;
1) : >"$part"; mv -f "$part" "$blob" ;;
*) rm -f "$part" ;;
esac`

/**
 * The sidecar in a directory; the package's own unless given. V8 loads a snapshot only with the options of the node that made it, which
 * are these.
 */
export const ownProgram = (
  flags: ReadonlyArray<string>,
  directory = packageFile("dist", "bin"),
): SidecarProgram => {
  const program = join(directory, PROGRAM)
  const plain = [join(directory, RUNNER)]
  let known: Snapshot | undefined
  const snapshot = () => (known ??= snapshotOf(program, flags))
  const attempt = <A>(body: () => A): Effect.Effect<Option.Option<A>> => Effect.option(Effect.try(body))
  const size = attempt(() => statSync(snapshot().blob).size)

  return {
    plain,
    fast: Effect.map(
      size,
      Option.flatMap((bytes) =>
        bytes > 0 ? Option.some(["--snapshot-blob", snapshot().blob, ...plain]) : Option.none(),
      ),
    ),
    making: Effect.flatMap(size, (bytes) =>
      Option.isSome(bytes)
        ? Effect.succeedNone
        : Effect.map(
            attempt(() => makerOf(program, snapshot(), flags)),
            Option.flatten,
          ),
    ),
    forget: Effect.asVoid(attempt(() => rmSync(snapshot().blob, { force: true }))),
  }
}

/** A program's snapshot by the program's content, and by all that node compares. It contains the path of its program too. */
interface Snapshot {
  readonly blob: string
  /** The program's, with which `cached.ts` names its compiled code. */
  readonly digest: string
}

const shortDigest = (content: string | Buffer): string =>
  createHash("sha256").update(content).digest("hex").slice(0, 16)

const snapshotOf = (program: string, flags: ReadonlyArray<string>): Snapshot => {
  const digest = shortDigest(readFileSync(program))
  const fits = [program, digest, process.version, process.arch, cpus()[0]?.model, ...flags]
  return { blob: `${program}.${shortDigest(fits.join("\0"))}.blob`, digest }
}

const makerOf = (
  program: string,
  { blob, digest }: Snapshot,
  flags: ReadonlyArray<string>,
): Option.Option<DetachedSpec> => {
  const directory = dirname(program)
  accessSync(directory, constants.W_OK)
  const isThere = readdirSync(directory).some(
    (name) => name.startsWith(`${PROGRAM}.${digest}.`) && name.endsWith(".v8"),
  )
  const args = ["--build-snapshot", join(directory, "snapshot.cjs"), program, digest]
  return isThere
    ? Option.some({
        command: "/bin/sh",
        args: ["-c", MAKE, process.execPath, blob, ...flags, ...args],
        env: {},
        cwd: "/",
      })
    : Option.none()
}
