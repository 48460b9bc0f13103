/** Finds what keeps smolvm from starting a machine here: no KVM, or files that the user it switches to cannot access. */
import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import type { HomeShape } from "../home/Home.ts"
import type { SmolvmOptions } from "./smolvm.ts"

/** Each problem in a line, with what to do. */
export const troublesOfHost = ({
  home,
  env = process.env,
  kvm = "/dev/kvm",
  uid = process.getuid?.() ?? -1,
}: SmolvmOptions & { readonly home: HomeShape }): ReadonlyArray<string> => {
  const device = existsSync(kvm)
  const absent = process.platform === "linux" && !device ? [`no ${kvm} here: no machine will start`] : []
  if (uid !== 0 || env["SMOLVM_VM_UID_DROP"] === "off") return absent
  const closed = [...directoriesOf(env), home.root, home.runRoot].flatMap(closedAbove)
  return [
    ...absent,
    ...(device && !isOpenTo(kvm, groupOf("kvm"))
      ? [
          `as root, smolvm drops to a user of its own that cannot open ${kvm} (${modeOf(kvm)}): "chgrp kvm ${kvm} && chmod 0660 ${kvm}"`,
        ]
      : []),
    `as root, smolvm drops to a user of its own that cannot enter directories of mode 0700 (${[...new Set([...closed, "each bottle's run directory"])].join(", ")}): set SMOLVM_VM_UID_DROP=off, or run bot-bottle as a user in the group kvm`,
  ]
}

/** Paths of smolvm's files. */
const directoriesOf = (env: Readonly<Record<string, string | undefined>>): ReadonlyArray<string> => {
  const user = env["HOME"] ?? process.env["HOME"] ?? "/root"
  return [
    env["SMOLVM_DATA_DIR"] ?? join(env["XDG_DATA_HOME"] ?? join(user, ".local", "share"), "smolvm"),
    join(env["XDG_CACHE_HOME"] ?? join(user, ".cache"), "smolvm"),
  ]
}

/** The topmost parent directory of a path that other users may not enter. */
const closedAbove = (path: string): ReadonlyArray<string> => {
  const parent = dirname(path)
  const above = parent === path ? [] : closedAbove(parent)
  if (above.length > 0 || !existsSync(path)) return above
  return (statSync(path).mode & 0o001) === 0 ? [path] : []
}

/** smolvm keeps the group kvm, and no other. */
const isOpenTo = (path: string, group: number | undefined): boolean => {
  const { mode, gid } = statSync(path)
  return (mode & 0o006) === 0o006 || (gid === group && (mode & 0o060) === 0o060)
}

const modeOf = (path: string): string => {
  const { mode, uid, gid } = statSync(path)
  return `${uid}:${gid} ${(mode & 0o777).toString(8).padStart(4, "0")}`
}

const groupOf = (name: string): number | undefined => {
  const groups = existsSync("/etc/group") ? readFileSync("/etc/group", "utf8") : ""
  const id = new RegExp(`^${name}:[^:]*:(\\d+):`, "m").exec(groups)?.[1]
  return id === undefined ? undefined : Number(id)
}
