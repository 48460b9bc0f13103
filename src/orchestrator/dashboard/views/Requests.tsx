/** What agents ask people for, and the decisions. */
import { useState } from "preact/hooks"
import { type AgentAsks, order, type Page, Problem, withQuery } from "../ask.ts"
import { type Place, useLoaded } from "../use.ts"
import { Pages, Read, State, Text, Trouble, When } from "./parts.tsx"

/** `#/requests` */
export const Requests = ({ place: { query } }: { readonly place: Place }) => {
  const all = query.get("all") === "true" ? "true" : ""
  const loaded = useLoaded<Page<AgentAsks>>(
    withQuery("/requests", { all, cursor: query.get("cursor") ?? "" }),
    SOON_MS,
  )
  return (
    <>
      <h1>Requests</h1>
      <nav class="buttons" aria-label="Which requests">
        <a href="#/requests" aria-current={all === "" ? "page" : undefined}>
          Waiting for a decision
        </a>
        <a href="#/requests?all=true" aria-current={all === "" ? undefined : "page"}>
          All
        </a>
      </nav>
      <Read loaded={loaded}>
        {({ items, next }) =>
          items.length === 0 ? (
            <p>
              No agent asks for anything. The kinds that an agent may ask for are in <code>approvals</code> of
              its bottle's manifest.
            </p>
          ) : (
            <>
              {items.map((request) => (
                <Request key={request.id} request={request} changed={loaded.again} />
              ))}
              <Pages
                cursor={query.get("cursor")}
                next={next}
                to={(cursor) => withQuery("#/requests", { all, cursor })}
              />
            </>
          )
        }
      </Read>
    </>
  )
}

/** A request is no event of the history. */
const SOON_MS = 5000

const KINDS = {
  egress: "wants to reach",
  protected_path: "wants to push to the protected path",
  budget: "wants more budget:",
  question: "asks:",
} as const

const Request = ({ request, changed }: { readonly request: AgentAsks; readonly changed: () => void }) => {
  const { id, slug, run, detail, asks, reason, at, state, decision } = request
  return (
    <article aria-label={`Request ${id}`}>
      <p>
        <State of={state} /> <a href={`#/bottles/${slug}`}>{slug}</a> run {run} {KINDS[detail.kind]}{" "}
        <strong>
          <Text of={asks} />
        </strong>
      </p>
      {reason !== "" && (
        <p>
          Its reason: <Text of={reason} />
        </p>
      )}
      <p class="hint">
        {id}, <When at={at} />
        {decision !== null && (
          <>
            , {decision.verdict} by {decision.by} <When at={decision.at} />
            {decision.text !== undefined && (
              <>
                : <Text of={decision.text} />
              </>
            )}
          </>
        )}
      </p>
      {state === "open" && <Decide request={request} changed={changed} />}
    </article>
  )
}

const Decide = ({
  request: { id, detail },
  changed,
}: {
  readonly request: AgentAsks
  readonly changed: () => void
}) => {
  const [problem, setProblem] = useState<Problem>()
  const [busy, setBusy] = useState(false)
  const [text, setText] = useState("")
  const decide = (verdict: "approve" | "deny" | "answer", body: object) => {
    setBusy(true)
    setProblem(undefined)
    order(`/requests/${id}/${verdict}`, body)
      .catch((failure: unknown) =>
        setProblem(failure instanceof Problem ? failure : new Problem(String(failure))),
      )
      .finally(() => {
        setBusy(false)
        changed()
      })
  }
  const isQuestion = detail.kind === "question"
  return (
    <div class="buttons">
      {!isQuestion && (
        <button type="button" disabled={busy} onClick={() => decide("approve", { scope: "run" })}>
          Approve for this run
        </button>
      )}
      {detail.kind === "egress" && (
        <button type="button" disabled={busy} onClick={() => decide("approve", { scope: "once" })}>
          Approve one connection
        </button>
      )}
      <label>
        {isQuestion ? "Answer" : "Reason of a denial"}
        <textarea
          rows={2}
          maxLength={4000}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      {isQuestion && (
        <button
          type="button"
          disabled={busy || text.trim() === ""}
          onClick={() => decide("answer", { text: text.trim() })}
        >
          Answer
        </button>
      )}
      <button
        type="button"
        disabled={busy || text.trim() === ""}
        onClick={() => decide("deny", { reason: text.trim() })}
      >
        Deny
      </button>
      {problem !== undefined && <Trouble problem={problem} />}
    </div>
  )
}
