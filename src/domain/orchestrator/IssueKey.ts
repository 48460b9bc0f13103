/** Keys in the orchestrator's tables: an issue, an operation on its bottle, a run. */
import { Schema } from "effect"
import { ForgeNumber } from "../Forge.ts"

/** Number of an issue, or of a pull request that is handled as one. */
export const IssueNumber = ForgeNumber.pipe(Schema.brand("IssueNumber"))
/** Number of an issue, or of a pull request that is handled as one. */
export type IssueNumber = typeof IssueNumber.Type

/** Milliseconds since the epoch. */
export const Millis = Schema.Int

/** Letters, digits and `_.-`, as Gitea allows, so that a name cannot be mistaken for other parts of an ID. */
const Name = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9_.-]{1,100}$/, {
    message: () => "must have 1 to 100 letters, digits, '_', '.' or '-'",
  }),
)

/** A repository. Names are compared case-insensitively. */
export const RepositoryKey = Schema.Struct({
  /** The forge's normalised API address (`forgeAddress`). */
  forge: Schema.String.pipe(Schema.pattern(/^[!-~]{1,500}$/, { message: () => "must be a URL" })),
  owner: Name,
  repo: Name,
})
/** A repository. */
export type RepositoryKey = typeof RepositoryKey.Type

/** An issue: a `ForgeStateKey` with a known forge. */
export const IssueKey = Schema.Struct({ ...RepositoryKey.fields, issueNumber: IssueNumber })
/** An issue. */
export type IssueKey = typeof IssueKey.Type

/** `<forge>/<owner>/<repo>#<number>`, the same for every spelling of the names. */
export const issueId = ({ forge, owner, repo, issueNumber }: IssueKey): string =>
  `${forge}/${owner.toLowerCase()}/${repo.toLowerCase()}#${issueNumber}`

/** `<issue>/<generation>/<step>`. */
export const OperationId = Schema.String.pipe(
  Schema.pattern(/^[!-~]+#\d+\/\d+\/\d+$/),
  Schema.brand("OperationId"),
)
/** `<issue>/<generation>/<step>`. */
export type OperationId = typeof OperationId.Type

/** ID of the operation that a decision with that generation and step began. */
export const operationId = (
  issue: IssueKey,
  { generation, step }: { readonly generation: number; readonly step: number },
): OperationId => OperationId.make(`${issueId(issue)}/${generation}/${step}`)

/** Number of a run of a bottle, from 1. */
export const RunNumber = Schema.Int.pipe(Schema.positive(), Schema.brand("RunNumber"))
/** Number of a run of a bottle, from 1. */
export type RunNumber = typeof RunNumber.Type

/** A page of a longer list: at most `limit` rows after the row `after`. */
export interface Page<Row> {
  readonly limit: number
  readonly after?: Row
}
