// The public surface as reports in api/, one for each export path, so that a change of it is seen in review.
// Fails when a report differs, and when a public signature mentions a type that no export path has.
// Usage: node scripts/api-report.mjs [--write]   (--write rewrites the reports)
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { basename, join, relative } from "node:path"
import { CompilerState, Extractor, ExtractorConfig } from "@microsoft/api-extractor"

const write = process.argv.includes("--write")
const root = process.cwd()
const folder = join(root, "api")
// In the project, as the declarations find the packages that they import from there.
const temporary = mkdtempSync(join(root, ".api-"))
const dist = join(temporary, "dist")
const reports = join(temporary, "reports")
mkdirSync(reports)

const problems = []
try {
  execFileSync(
    "node_modules/.bin/tsc",
    ["-p", "tsconfig.build.json", "--emitDeclarationOnly", "--noCheck", "--outDir", dist],
    { stdio: "inherit" },
  )
  const paths = readdirSync(join(dist, "exports")).map((file) => basename(file, ".d.ts"))
  // All paths as one, which tells what can be imported from none of them.
  writeFileSync(
    join(dist, "all.d.ts"),
    [
      `export * from "./index.js"`,
      ...paths.map((path) => `export * as from_${path} from "./exports/${path}.js"`),
    ].join("\n"),
  )
  const fileOf = (name) => join(dist, name === "all" || name === "index" ? "" : "exports", `${name}.d.ts`)
  const files = ["all", "index", ...paths].map(fileOf)
  const configOf = (name, includeForgottenExports) =>
    ExtractorConfig.prepare({
      packageJsonFullPath: join(root, "package.json"),
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: fileOf(name),
        compiler: {
          overrideTsconfig: {
            compilerOptions: {
              target: "es2022",
              lib: ["es2023"],
              module: "nodenext",
              skipLibCheck: true,
              types: ["node"],
            },
            files,
          },
        },
        apiReport: {
          enabled: name !== "all",
          includeForgottenExports,
          reportFileName: `${name}.api.md`,
          reportFolder: reports,
          reportTempFolder: join(temporary, "unused"),
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: "lf",
        messages: {
          extractorMessageReporting: {
            default: { logLevel: "none" },
            "ae-forgotten-export": { logLevel: "warning", addToApiReportFile: false },
          },
          tsdocMessageReporting: { default: { logLevel: "none" } },
        },
      },
    })
  const compilerState = CompilerState.create(configOf("all", false), { additionalEntryPoints: files })

  /** Makes the report of one path; answers the names that it mentions and does not export. */
  const extract = (name, includeForgottenExports = false) => {
    const forgotten = []
    mkdirSync(join(temporary, "unused"), { recursive: true })
    Extractor.invoke(configOf(name, includeForgottenExports), {
      localBuild: true,
      compilerState,
      messageCallback: (message) => {
        message.handled = true
        if (message.messageId === "ae-forgotten-export") {
          forgotten.push({ name: /"(\w+)"/.exec(message.text)[1], file: message.sourceFilePath })
        } else if (message.logLevel === "error") problems.push(message.text)
      },
    })
    return forgotten
  }

  /** The compiler makes one for each class that extends a call, such as `Schema.Class(...)`: its type has the fields. */
  const isBase = ({ name }) => name.endsWith("_base")
  for (const { name, file } of extract("all").filter((one) => !isBase(one))) {
    problems.push(
      `${name} can be imported from no path, and a public signature of ${relative(dist, file)} mentions it`,
    )
  }
  const shown = new Set(
    extract("index", true)
      .filter(isBase)
      .map(({ file }) => file),
  )
  for (const path of paths) {
    const unseen = extract(path).filter((one) => isBase(one) && !shown.has(one.file))
    if (unseen.length > 0) extract(path, true)
  }

  const made = readdirSync(reports)
  if (write) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder)
  }
  for (const file of made) {
    const text = readFileSync(join(reports, file), "utf8")
    const at = join(folder, file)
    if (write) writeFileSync(at, text)
    else if (!existsSync(at)) problems.push(`api/${file} is missing`)
    else if (readFileSync(at, "utf8") !== text) problems.push(firstDifference(file, text))
  }
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    if (!made.includes(file)) problems.push(`api/${file} is of no export path`)
  }
} finally {
  rmSync(temporary, { recursive: true })
}

/** Where a report begins to differ: what is committed, and what it is now. */
function firstDifference(file, text) {
  const committed = readFileSync(join(folder, file), "utf8").split("\n")
  const now = text.split("\n")
  const at = now.findIndex((line, index) => line !== committed[index])
  const line = at === -1 ? now.length : at
  return `api/${file} differs at line ${line + 1}:\n  - ${committed[line] ?? ""}\n  + ${now[line] ?? ""}`
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) {
  console.error(
    `${problems.length} problems with the public surface; "npm run api" rewrites the reports in api/`,
  )
  process.exit(1)
}
console.log("the public surface is as reported in api/")
