/** The reference of orchestrator.yaml in the documents has every key, with its variable and its default. */
import { expect, it } from "@effect/vitest"
import { Effect, SchemaAST } from "effect"
import { readFileSync } from "node:fs"
import { RepositorySettings } from "../../../src/domain/orchestrator/Configuration.ts"
import {
  configurationVariables,
  decodeConfiguration,
  type Variables,
  VARIABLE_PREFIX,
} from "../../../src/domain/orchestrator/ConfigurationFile.ts"

const text = readFileSync(new URL("../../../docs/orchestrator.md", import.meta.url), "utf8")

/** The cells of each row of the table whose first column is `key`, below a heading or a line. */
const tableBelow = (line: string): ReadonlyArray<ReadonlyArray<string>> =>
  (text.split(`\n${line}`)[1] ?? "")
    .split(/\n\n(?!\|)/)
    .flatMap((part) => part.split("\n"))
    .filter((row) => row.startsWith("| `"))
    .map((row) => row.split("|").map((cell) => cell.trim()))
    .map(([, ...cells]) => cells)

const code = (cell = ""): ReadonlyArray<string> =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word)
const rows = tableBelow("## orchestrator.yaml")
const ofConfiguration = rows.filter((cells) => cells.length === 5)
const ofRepository = tableBelow("### Settings of a repository").filter((cells) => cells.length === 4)

const least = {
  forge: { api: "https://git.example.org/api/v1", token: { env: "T" } },
  repositories: { "acme/cellar": null },
}
const decoded = (variables: Variables = {}) =>
  Effect.runSync(decodeConfiguration("orchestrator.yaml", least, variables))

const NEEDED: ReadonlySet<string> = new Set(["forge.api", "forge.token", "repositories"])

/** What a key is when only those that are needed are given. */
const valueAt = (key: string): unknown =>
  key.split(".").reduce<unknown>((value, name) => Object(value)[name], decoded())

it("every key is there once, with the variables that set it", () => {
  const documented = ofConfiguration.flatMap(([key, , , variables]) =>
    code(variables).map((variable) => [VARIABLE_PREFIX + variable, code(key)[0]]),
  )
  expect(documented).toEqual(configurationVariables)
})

it("every default is what an absent key means", () => {
  const defaults = ofConfiguration.filter(([, , value]) => code(value).length > 0)
  const meant = configurationVariables.map(([, key]) => key).filter((key) => valueAt(key) !== undefined)
  expect(defaults.map(([key]) => code(key)[0])).toEqual([...new Set(meant)].filter((key) => !NEEDED.has(key)))
  for (const [key, , value, variables] of defaults) {
    const name = VARIABLE_PREFIX + code(variables)[0]
    expect([key, decoded({ [name]: code(value)[0] })]).toEqual([key, decoded()])
  }
})

it("every setting of a repository is there", () => {
  const names = SchemaAST.getPropertySignatures(SchemaAST.encodedBoundAST(RepositorySettings.ast)).map(
    ({ name }) => String(name),
  )
  expect(ofRepository.flatMap(([key]) => code(key))).toEqual(names)
})
