/** Parts of pages: states, times, pages of lists, problems, orders. */
import type { ComponentChildren } from "preact"
import { useEffect, useId, useRef, useState } from "preact/hooks"
import { order, Problem } from "../ask.ts"
import type { Loaded } from "../use.ts"
import { line, since, time } from "../words.ts"

/** The state of a bottle or an issue: a word, and a colour. */
export const State = ({ of }: { readonly of: string }) => <span class={`state state-${of}`}>{of}</span>

/** A time: how long ago, and exactly when it is pointed at. */
export const When = ({ at }: { readonly at: number | string | null }) => {
  const millis = typeof at === "string" ? Date.parse(at) : at
  if (millis === null || Number.isNaN(millis)) return <>-</>
  return (
    <time dateTime={new Date(millis).toISOString()} title={time(millis)}>
      {since(millis)}
    </time>
  )
}

/** A stranger's text on one line. */
export const Text = ({ of }: { readonly of: string }) => <bdi>{line(of)}</bdi>

/** An address at the forge. One that is not of the web is shown as text. */
export const Elsewhere = ({ to, children }: { readonly to: string; readonly children: ComponentChildren }) =>
  /^https?:\/\//i.test(to) ? (
    <a href={to} target="_blank" rel="noreferrer">
      {children}
    </a>
  ) : (
    <>{children}</>
  )

/** What went wrong, and what to do. */
export const Trouble = ({ problem, again }: { readonly problem: Problem; readonly again?: () => void }) => (
  <div role="alert" class="trouble">
    <p>{line(problem.message)}</p>
    {again !== undefined && (
      <button type="button" onClick={again}>
        Try again
      </button>
    )}
  </div>
)

/** What was read, or why it was not. While it is read again, the former answer stays. */
export function Read<A>({
  loaded,
  children,
}: {
  readonly loaded: Loaded<A>
  readonly children: (data: A) => ComponentChildren
}) {
  const { data, problem, again } = loaded
  return (
    <>
      {problem !== undefined && <Trouble problem={problem} again={again} />}
      {data !== undefined ? children(data) : problem === undefined && <p aria-busy="true">Loading...</p>}
    </>
  )
}

/** A table with named columns. */
export const Rows = ({
  columns,
  children,
}: {
  readonly columns: ReadonlyArray<string>
  readonly children: ComponentChildren
}) => (
  <table>
    <thead>
      <tr>
        {columns.map((name) => (
          <th key={name} scope="col">
            {name}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>{children}</tbody>
  </table>
)

/** The same in a region of its own, which scrolls by keyboard when it is too wide. */
export const Sheet = ({
  label,
  columns,
  children,
}: {
  readonly label: string
  readonly columns: ReadonlyArray<string>
  readonly children: ComponentChildren
}) => (
  <div class="wide" tabIndex={0} role="region" aria-label={label}>
    <Rows columns={columns}>{children}</Rows>
  </div>
)

/** Links to the first and the next page of a list. `to` makes the address for a cursor. */
export const Pages = ({
  cursor,
  next,
  to,
}: {
  readonly cursor: string | null
  readonly next: string | null
  readonly to: (cursor: string) => string
}) =>
  cursor === null && next === null ? null : (
    <nav class="pages" aria-label="Pages">
      {cursor !== null && <a href={to("")}>First page</a>}
      {next !== null && (
        <a href={to(next)} rel="next">
          Next page
        </a>
      )}
    </nav>
  )

/** Orders something. What cannot be taken back is confirmed first. */
export const Order = ({
  label,
  path,
  confirm,
  done,
}: {
  readonly label: string
  readonly path: string
  /** A question with its consequence. */
  readonly confirm?: string
  readonly done: () => void
}) => {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const [asks, setAsks] = useState(false)
  const give = () => {
    setAsks(false)
    setBusy(true)
    setProblem(undefined)
    order(path)
      .then(done, (failure: unknown) =>
        setProblem(failure instanceof Problem ? failure : new Problem(String(failure))),
      )
      .finally(() => setBusy(false))
  }
  return (
    <>
      <button type="button" disabled={busy} onClick={confirm === undefined ? give : () => setAsks(true)}>
        {busy ? `${label}...` : label}
      </button>
      {asks && confirm !== undefined && (
        <Question text={confirm} label={label} yes={give} no={() => setAsks(false)} />
      )}
      {problem !== undefined && <Trouble problem={problem} />}
    </>
  )
}

const Question = ({
  text,
  label,
  yes,
  no,
}: {
  readonly text: string
  readonly label: string
  readonly yes: () => void
  readonly no: () => void
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const name = useId()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} onClose={no} aria-labelledby={name}>
      <p id={name}>{text}</p>
      <div class="buttons">
        <button type="button" onClick={no}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={yes}>
          {label}
        </button>
      </div>
    </dialog>
  )
}
