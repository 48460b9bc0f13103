/** The files of the dashboard, for operators alone. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { DoorAnswer } from "./signIn.ts"

/** By path: the file and its type. */
const FILES: Readonly<Record<string, readonly [string, string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/dashboard.js": ["dashboard.js", "text/javascript; charset=utf-8"],
  "/dashboard.css": ["dashboard.css", "text/css; charset=utf-8"],
}

/** Answers for the paths of the dashboard whose files lie in `folder`. They are read once. */
export const dashboardFiles = (folder: string): ((path: string) => DoorAnswer | undefined) => {
  const answers = new Map<string, DoorAnswer>()
  return (path) => {
    const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined
    if (file === undefined) return undefined
    const [name, type] = file
    const known = answers.get(path) ?? { status: 200, type, body: readFileSync(join(folder, name), "utf8") }
    answers.set(path, known)
    return known
  }
}
