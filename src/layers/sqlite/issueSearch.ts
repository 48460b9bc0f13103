/** The list of issues in SQL: which rows `IssueSearch` finds, newest decision first. */
import type { IssueSearch, PhaseCounts } from "../../domain/orchestrator/IssueSearch.ts"
import { issueParams } from "./issueColumns.ts"

type Param = string | number

/** As `isOfInterest` says. */
const OF_INTEREST = `(phase IN ('running', 'frozen') OR json_extract(state, '$.setAside') IS NOT NULL
  OR CASE WHEN waits IS NULL THEN json_extract(state, '$.reason') <> '' ELSE waits NOT IN ('not-targeted', 'over', 'person') END)`
const ASIDE = `(forge, owner, repo, issue_number) IN (SELECT forge, owner, repo, issue_number FROM inbox
  WHERE state = 'set-aside' AND issue_number IS NOT NULL)`
const TEXT = `instr(lower(owner || '/' || repo || '#' || issue_number || ' ' || coalesce(title, '') || ' '
  || json_extract(state, '$.reason')), lower(?)) > 0`
const AFTER = `(decided_ms < ? OR (decided_ms = ? AND (forge, owner, repo, issue_number) > (?, ?, ?, ?)))`

/** The condition of a search, and its parameters. */
export const searchedBy = ({ after, all, phase, waits, owner, repo, text }: IssueSearch) => {
  const asked: ReadonlyArray<readonly [condition: string, ...params: ReadonlyArray<Param>]> = [
    ...(all === true ? [] : [[`(${OF_INTEREST} OR ${ASIDE})`] as const]),
    ...(phase === undefined ? [] : [["phase = ?", phase] as const]),
    ...(waits === undefined ? [] : [["waits = ?", waits] as const]),
    ...(owner === undefined ? [] : [["owner = ?", owner] as const]),
    ...(repo === undefined ? [] : [["repo = ?", repo] as const]),
    ...(text === undefined ? [] : [[TEXT, text] as const]),
    ...(after === undefined
      ? []
      : [[AFTER, after.decidedAt, after.decidedAt, ...issueParams(after)] as const]),
  ]
  return {
    where: asked.length === 0 ? "true" : asked.map(([condition]) => condition).join(" AND "),
    params: asked.flatMap(([, ...params]) => params),
  }
}

/** No issue in any phase. */
export const NO_ISSUES: PhaseCounts = { idle: 0, running: 0, frozen: 0, destroyed: 0 }

/** Issues by phase, without those that are for no agent. */
export const COUNT = `SELECT phase, count(*) AS count FROM issue_state WHERE phase <> 'idle' OR ${OF_INTEREST} GROUP BY phase`
