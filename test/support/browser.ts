/** Tests in a real browser: Debian's chromium. Skipped with one loud line without it, or failed where CI_REQUIRE_DOCKER=1 says so. */
import { Effect } from "effect"
import { mkdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { realProgram } from "./tools.ts"

const program = realProgram("chromium")
/** Whether this machine has a browser. */
export const hasBrowser = program !== undefined
if (!hasBrowser) {
  const why = "no chromium: the dashboard is not tested (apt-get install chromium)"
  if (process.env["CI_REQUIRE_DOCKER"] === "1") throw new Error(why)
  console.error(`SKIPPED: ${why}`)
}

/** A browser, until the scope ends. */
export const openBrowser: Effect.Effect<Browser, never, import("effect").Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({ executablePath: program ?? "", args: ["--no-sandbox", "--disable-dev-shm-usage"] }),
  ),
  (browser) => Effect.promise(() => browser.close()),
)

/** A page, and what it did that nobody should see. */
export interface Watched {
  readonly page: Page
  /** Errors of its scripts, and what the browser refused to load or run. */
  readonly faults: ReadonlyArray<string>
  /** Hosts that it asked for anything. */
  readonly hosts: ReadonlySet<string>
  /** Questions and alerts of scripts. */
  readonly alerts: ReadonlyArray<string>
}

/** A new page with cookies of its own. */
export const openPage = (browser: Browser, options: BrowserContextOptions = {}): Effect.Effect<Watched> =>
  Effect.promise(async () => {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const faults: Array<string> = []
    const hosts = new Set<string>()
    const alerts: Array<string> = []
    page.on("pageerror", (error) => faults.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of (401|404|409|429|503)/.test(message.text()))
        faults.push(message.text())
    })
    page.on("request", (request) => {
      const { protocol, host } = new URL(request.url())
      if (protocol !== "data:") hosts.add(host)
    })
    page.on("dialog", (dialog) => {
      alerts.push(dialog.message())
      void dialog.dismiss()
    })
    return { page, faults, hosts, alerts }
  })

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** What axe-core finds in a page: the rule and the first element that breaks it. */
export const axeFindings = (page: Page): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(async () => {
    await page.evaluate(axe)
    return page.evaluate<ReadonlyArray<string>>(`axe.run(document, { resultTypes: ["violations"] }).then(
      ({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html + ": " + nodes[0].failureSummary))`)
  })

/** Writes a picture for the documents, where PICTURES names a folder. */
export const picture = (page: Page, name: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    const folder = process.env["PICTURES"]
    if (folder === undefined) return
    mkdirSync(folder, { recursive: true })
    await page.screenshot({ path: join(folder, `${name}.png`) })
  })
