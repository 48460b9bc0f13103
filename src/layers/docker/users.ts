/** Who an agent is in a bottle: `uid:gid` in numbers, by the passwd and group files of its image. */

/** Whether a user needs no look into the image: `1000:1000`. */
export const isNumeric = (user: string): boolean => /^\d+:\d+$/.test(user)

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
  return uid === undefined || gid === undefined || !isNumeric(`${uid}:${gid}`)
    ? undefined
    : `${Number(uid)}:${Number(gid)}`
}

/** Whether a numeric `uid:gid` is root. */
export const isRoot = (user: string): boolean => user.startsWith("0:")

const rows = (file: string): ReadonlyArray<ReadonlyArray<string>> =>
  file.split("\n").map((line) => line.split(":"))
