// npm leaves optional packages for other platforms out of the lock when the registry in use lacks
// them, and `npm ci` then refuses that lock. This adds an entry for each one that is missing.
import { readFileSync, writeFileSync } from "node:fs"

const file = new URL("../package-lock.json", import.meta.url)
const lock = JSON.parse(readFileSync(file, "utf8"))
const platforms = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
]
const cpus = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"]
const among = (known, words) => known.find((word) => words.includes(word))

let added = 0
for (const [at, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const own = `${at === "" ? "" : `${at}/`}node_modules/${name}`
    const top = `node_modules/${name}`
    if (own in lock.packages || top in lock.packages) continue
    const words = name.split(/[-/]/)
    const os = among(platforms, words)
    const cpu = among(cpus, words)
    lock.packages[top] = {
      version: version.replace(/^[^\d]*/, ""),
      ...(os && { os: [os] }),
      ...(cpu && { cpu: [cpu] }),
      ...(!os && !cpu && { os: ["none"] }),
      optional: true,
    }
    added += 1
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} optional packages of other platforms added to package-lock.json`)
