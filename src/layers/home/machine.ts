/** machine: names this machine and a folder on it, so that an engine whose objects lie there is told from another. */
import { readFileSync, statSync } from "node:fs"
import { hostname } from "node:os"

/** The id of this machine's installation; its host name where there is no such id. */
const machineId = (): string => {
  const found = ["/etc/machine-id", "/var/lib/dbus/machine-id"].flatMap((file) => {
    const id = readOrEmpty(file)
    return id === "" ? [] : [id]
  })
  return found[0] ?? hostname()
}

const readOrEmpty = (file: string): string => {
  try {
    return readFileSync(file, "utf8").trim()
  } catch {
    return ""
  }
}

/** A folder of this machine by its path and inode: where another disk is mounted, or none any more, it has another name. */
export const folderName = (path: string): string => {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
  return `${path} ${stat === undefined ? "-" : stat.ino}`
}

/** The same with the machine. */
export const folderOfMachine = (path: string): string => `${machineId()} ${folderName(path)}`
