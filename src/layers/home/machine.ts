/** Names of this machine and of folders on it, to tell an engine from another one whose objects are elsewhere. */
import { Either } from "effect"
import { readFileSync, statSync } from "node:fs"
import { hostname } from "node:os"

/** The ID of this machine's installation, or its host name if there is none. */
const machineId = (): string => {
  const found = ["/etc/machine-id", "/var/lib/dbus/machine-id"].flatMap((file) => {
    const id = readOrEmpty(file)
    return id === "" ? [] : [id]
  })
  return found[0] ?? hostname()
}

const readOrEmpty = (file: string): string =>
  Either.getOrElse(
    Either.try(() => readFileSync(file, "utf8").trim()),
    () => "",
  )

/** Names a folder of this machine by path and inode, so that the name changes when a disk is mounted or unmounted there. */
export const folderName = (path: string): string => {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
  return `${path} ${stat === undefined ? "-" : stat.ino}`
}

/** The same, including the machine. */
export const folderOfMachine = (path: string): string => `${machineId()} ${folderName(path)}`
