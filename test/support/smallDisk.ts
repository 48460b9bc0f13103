/** Small file systems of a test's own, to be filled: ext4 in a file where loop devices work, else in memory. */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const MIB = 1024 * 1024

/** A mounted file system. */
export interface SmallDisk {
  readonly path: string
  /** Takes room until so many bytes are left; `0` leaves none. */
  readonly fill: (left?: number) => void
  /** Gives back what `fill` took. */
  readonly free: () => void
  readonly available: () => number
  readonly remove: () => void
}

const succeeds = (command: string, ...args: ReadonlyArray<string>): boolean =>
  spawnSync(command, args, { stdio: "ignore" }).status === 0

/** Mounts a file system of so many MiB; fails where we may not mount one. */
export const smallDisk = (mebibytes: number): SmallDisk => {
  const root = mkdtempSync(join(tmpdir(), "bb-disk-"))
  const [file, path] = [join(root, "file"), join(root, "mount")]
  mkdirSync(path)
  writeFileSync(file, "")
  truncateSync(file, mebibytes * MIB)
  const mounted =
    (succeeds("mkfs.ext4", "-q", "-F", "-m", "0", file) && succeeds("mount", "-o", "loop", file, path)) ||
    succeeds("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m,mode=755`, "tmpfs", path)
  if (!mounted) {
    rmSync(root, { recursive: true })
    throw new Error("no file system can be mounted here")
  }
  const ballast = ["ballast", "ballast.rest"].map((name) => join(path, name))
  const available = () => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
  return {
    path,
    available,
    fill: (left = 0) => {
      const [large = "", rest = ""] = ballast
      if (available() - left > MIB)
        succeeds("fallocate", "-l", String(available() - left - (left === 0 ? MIB / 2 : 0)), large)
      if (left === 0) {
        succeeds("dd", "if=/dev/zero", `of=${rest}`, "bs=4k")
        succeeds("dd", "if=/dev/zero", `of=${rest}.bytes`, "bs=1")
      }
    },
    free: () => {
      for (const name of [...ballast, `${ballast[1]}.bytes`]) rmSync(name, { force: true })
    },
    remove: () => {
      if (!succeeds("umount", path)) succeeds("umount", "--lazy", path)
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** Whether file systems can be mounted; one loud line when not. */
export const canMount: boolean = ((): boolean => {
  try {
    smallDisk(4).remove()
    return true
  } catch {
    process.stderr.write("\n*** tests of a full disk are SKIPPED: no file system can be mounted here ***\n\n")
    return false
  }
})()
