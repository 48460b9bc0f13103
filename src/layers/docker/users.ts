/** The agent's user in a bottle as numeric `uid:gid`, from the passwd and group files of its image. */

/** Engines refuse a larger number, and JavaScript would print a very large one in exponent form (`1e+21`). */
const ID_MAX = 0x7fff_ffff

/**
 * A numeric user (`1000:1000`) as the kernel has it, without leading zeros; nothing for one that must be looked up in the image, or
 * that is out of range.
 */
export const numericUser = (user: string): string | undefined => {
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(user) ?? []
  const ids = [Number(uid), Number(gid)]
  return ids.every((id) => id <= ID_MAX) ? ids.join(":") : undefined
}

/**
 * The numeric `uid:gid` of `name`, `uid`, `name:group`, ...; nothing when the files do not contain a name. An unknown uid gets the
 * group of the same number: the engine would use root's.
 */
export const resolveUser = (user: string, passwd: string, group: string): string | undefined => {
  const [who = "", groupName] = user.split(":", 2)
  const account = rows(passwd).find((row) => row[0] === who) ?? rows(passwd).find((row) => row[2] === who)
  const uid = account?.[2] ?? (/^\d+$/.test(who) ? who : undefined)
  const gid =
    groupName === undefined || groupName === ""
      ? (account?.[3] ?? uid)
      : (rows(group).find((row) => row[0] === groupName)?.[2] ??
        (/^\d+$/.test(groupName) ? groupName : undefined))
  return numericUser(`${uid}:${gid}`)
}

/** Whether a numeric `uid:gid` is root. */
export const isRoot = (user: string): boolean => user.startsWith("0:")

/** Whether a user is written as root, as opposed to another name or spelling that an image maps to root. */
export const namesRoot = (user: string): boolean => /^(?:root|0)(?::|$)/.test(user)

const rows = (file: string): ReadonlyArray<ReadonlyArray<string>> =>
  file
    .split(/[\n\0]/)
    .map((line) => line.split(":"))
    // The tar header contains an owner's name, which is not an account.
    .filter((row) => row.length > 2)
