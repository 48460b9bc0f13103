/** Rules for which remarks are for the agent, and which of them start it: each condition is a rule. */
import type { Input, ObservedPr, Remark } from "./Observed.ts"
import type { Consumed } from "./Operation.ts"

/** A condition of a remark. */
export interface RemarkRule {
  readonly name: string
  /** `given`: may be put into a prompt. `starts`: may start a run, too. */
  readonly of: "given" | "starts"
  readonly holds: (remark: Remark, input: Input, prs: ReadonlyArray<ObservedPr>) => boolean
}

/** The conditions. `prs` are the pull requests of the run. */
export const remarkRules: ReadonlyArray<RemarkRule> = [
  {
    name: "remark: it was not used yet in this version",
    of: "given",
    holds: ({ kind, id, updatedAt }, { state }) =>
      !state.consumed.some((used) => used.id === id && used.kind === kind && used.updatedAt === updatedAt),
  },
  { name: "remark: its author is trusted", of: "given", holds: ({ author }) => author.trusted },
  { name: "remark: its author is no bot", of: "given", holds: ({ author }) => !author.bot },
  {
    name: "remark: it is on the issue or on a pull request of the run",
    of: "given",
    holds: ({ on }, { number }, prs) => on === number || prs.some((pr) => pr.number === on),
  },
  { name: "remark: it was not dismissed", of: "given", holds: ({ dismissed }) => dismissed !== true },
  {
    name: "remark: it says something",
    of: "given",
    holds: ({ body, lines, verdict }) => body.trim() !== "" || lines.length > 0 || verdict === "rejected",
  },
  {
    name: "remark: on an issue it starts only what ended blocked, failed, incomplete or without a pull request",
    of: "starts",
    holds: ({ on }, { number, bottle, forge }, prs) =>
      on !== number ||
      forge.pull !== undefined ||
      prs.length === 0 ||
      (bottle?.done?.status !== "success" && bottle?.done?.status !== "no_change"),
  },
  {
    name: "remark: it mentions the bot where that is wanted",
    of: "starts",
    holds: (remark, { settings }) => settings.resumeOn === "any" || mentions(remark, settings.botLogin),
  },
]

/** The remarks that pass all conditions of one question, oldest first. */
export const remarksOf = (
  rules: ReadonlyArray<RemarkRule>,
  of: RemarkRule["of"],
  remarks: ReadonlyArray<Remark>,
  input: Input,
  prs: ReadonlyArray<ObservedPr>,
): ReadonlyArray<Remark> =>
  remarks
    .filter((remark) => rules.every((rule) => rule.of !== of || rule.holds(remark, input, prs)))
    .sort((a, b) => a.updatedAt - b.updatedAt || a.id - b.id)

/** A remark in the version that was seen. */
export const consumedOf = ({ kind, id, updatedAt }: Remark): Consumed => ({ kind, id, updatedAt })

/** Whether any text of a remark contains `@login` as a separate word, in any case. */
const mentions = (remark: Remark, login: string): boolean =>
  [remark.body, ...remark.lines.map(({ body }) => body)].some((text) =>
    text
      .toLowerCase()
      .split(/[^a-z0-9_.@-]+/)
      .some((word) => word.replace(/[.\-@]+$/, "") === `@${login.toLowerCase()}`),
  )
