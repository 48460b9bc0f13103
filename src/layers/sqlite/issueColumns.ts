/** Column names and decoding of rows about issues. */
import { Effect, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { type IssueKey, issueId } from "../../domain/orchestrator/IssueKey.ts"
import type { Row } from "./run.ts"

/** The columns of an issue in a row. */
export const ISSUE_COLUMNS = "forge, owner, repo, issue_number AS issueNumber"

/** The condition for one issue; parameters: {@link issueParams}. */
export const OF_ISSUE = "forge = ? AND owner = ? AND repo = ? AND issue_number = ?"

/** The parameters of {@link OF_ISSUE}, which are also in the order of the columns. */
export const issueParams = ({ forge, owner, repo, issueNumber }: IssueKey) =>
  [forge, owner, repo, issueNumber] as const

/** Decodes rows with a schema. `what` names a row in the error for one that cannot be decoded. */
export const rowsBy = <A, I>(schema: Schema.Schema<A, I>, what: string) => {
  const decode = Schema.decodeUnknown(schema)
  return (operation: string) => (rows: ReadonlyArray<Row>) =>
    Effect.forEach(rows, (row) =>
      Effect.mapError(
        decode(row),
        (cause) =>
          new StateStoreError({
            operation,
            reason: `the ${what} of ${String(row["owner"])}/${String(row["repo"])}#${String(row["issueNumber"])} was written by another version and cannot be read: use that version, or delete the row`,
            cause,
          }),
      ),
    )
}

/** The text of a JSON column. Fails for a value that its schema refuses. */
export const jsonOf = <A, I>(schema: Schema.Schema<A, I>, what: string) => {
  const encode = Schema.encode(Schema.parseJson(schema))
  return (operation: string, issue: IssueKey, value: A): Effect.Effect<string, StateStoreError> =>
    Effect.mapError(
      encode(value),
      (cause) =>
        new StateStoreError({
          operation,
          reason: `the ${what} of ${issueId(issue)} cannot be written`,
          cause,
        }),
    )
}
