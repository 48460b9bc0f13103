/** The id of this installation: engine objects that carry it are ours. */
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { StateStoreError } from "../../domain/Errors.ts"
import type { HomeShape } from "./Home.ts"

/** The id of a home: a random UUID made at first use; processes that make it at once all get the same. */
export const installationId = Effect.fn("installationId")(function* ({ installation: file }: HomeShape) {
  if (!existsSync(file)) yield* make(file)
  const id = yield* attempt(file, () => readFileSync(file, "utf8").trim())
  return /^[0-9a-f-]{36}$/.test(id) ? id : yield* failure(file, "it should hold one UUID")
})

/** A link is made whole or not at all, and never over another's: the first of several processes wins. */
const make = Effect.fnUntraced(function* (file: string) {
  const draft = `${file}.${randomUUID()}`
  yield* attempt(file, () => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(draft, `${randomUUID()}\n`, { mode: 0o600 })
  })
  yield* Effect.ignore(attempt(file, () => linkSync(draft, file)))
  yield* attempt(file, () => rmSync(draft, { force: true }))
})

const attempt = <A>(file: string, action: () => A) =>
  Effect.try({ try: action, catch: (cause) => failure(file, String(cause)) })

const failure = (file: string, reason: string) =>
  new StateStoreError({ operation: "installation", reason: `${file}: ${reason}` })
