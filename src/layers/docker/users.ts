/** Who an agent is in a bottle: `uid:gid` in numbers, by the passwd and group files of its image. */

/** Above it engines refuse a number, and JavaScript would write a large one as a name (`1e+21`). */
const ID_MAX = 0x7fff_ffff

/** A user in numbers (`1000:1000`) as the kernel has them, without leading zeros; nothing for one that needs a look into the image, or that is out of range. */
export const numericUser = (user: string): string | undefined => {
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(user) ?? []
  const ids = [Number(uid), Number(gid)]
  return ids.every((id) => id <= ID_MAX) ? ids.join(":") : undefined
}

/**
 * The numeric `uid:gid` of `name`, `uid`, `name:group`, ...; nothing when the files do not know a name.
 * A uid that the image does not know has the group of the same number: the engine would make it root's.
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

/** Whether a user is written as root, and not as another name or spelling that an image maps to root. */
export const namesRoot = (user: string): boolean => /^(?:root|0)(?::|$)/.test(user)

const rows = (file: string): ReadonlyArray<ReadonlyArray<string>> =>
  file
    .split(/[\n\0]/)
    .map((line) => line.split(":"))
    // The header of the tar names an owner, which is not an account.
    .filter((row) => row.length > 2)
