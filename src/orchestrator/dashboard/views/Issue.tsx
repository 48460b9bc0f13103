/** One issue: from its label to its merge, with each decision and its reason. */
import { useState } from "preact/hooks"
import type { Entry, OneIssue, Page, Run } from "../ask.ts"
import { type Loaded, useLoaded } from "../use.ts"
import { amount, count, length, line, money } from "../words.ts"
import { BottleOrders, Watch } from "./Bottle.tsx"
import { whyOf } from "./Issues.tsx"
import { Elsewhere, Order, Read, Sheet, State, Text, When } from "./parts.tsx"

/** `#/issues/OWNER/NAME/NUMBER` */
export const IssuePage = ({ parts }: { readonly parts: readonly [string, string, string] }) => {
  const path = `/issues/${parts.map(encodeURIComponent).join("/")}`
  const issue = useLoaded<OneIssue>(path)
  const runs = useLoaded<Page<Run>>(`${path}/runs?limit=200`)
  return (
    <>
      <p>
        <a href="#/issues">Issues</a>
      </p>
      <h1>
        {parts[0]}/{parts[1]}#{parts[2]}
      </h1>
      <Read loaded={issue}>{(data) => <Facts issue={data} path={path} changed={issue.again} />}</Read>
      <Runs runs={runs} />
      <Timeline path={path} />
    </>
  )
}

const Facts = ({
  issue,
  path,
  changed,
}: {
  readonly issue: OneIssue
  readonly path: string
  readonly changed: () => void
}) => (
  <>
    {issue.title !== null && (
      <p class="title">
        <Elsewhere to={issue.url}>
          <Text of={issue.title} />
        </Elsewhere>
      </p>
    )}
    <dl>
      <dt>State</dt>
      <dd>
        <State of={issue.setAside === null ? issue.phase : "set-aside"} />
      </dd>
      <dt>Waits for</dt>
      <dd>
        <Text of={whyOf(issue)} />
        {issue.until !== null && (
          <>
            , until <When at={issue.until} />
          </>
        )}
      </dd>
      {issue.bottle !== null && (
        <>
          <dt>Bottle</dt>
          <dd>
            <a href={`#/bottles/${issue.bottle.slug}`}>{issue.bottle.slug}</a> ({issue.bottle.agent})
          </dd>
          {issue.bottle.pr !== null && (
            <>
              <dt>Pull request</dt>
              <dd>
                <Elsewhere to={issue.bottle.pr.url}>#{issue.bottle.pr.number}</Elsewhere>
              </dd>
            </>
          )}
        </>
      )}
      <dt>Used so far</dt>
      <dd>
        {count(issue.use.runs, "run")}, {length(issue.use.seconds)}, {amount(issue.use.tokens)} tokens,{" "}
        {money(issue.use.cost)}
        {issue.use.unpriced > 0 && `, ${count(issue.use.unpriced, "run")} without a known price`}
      </dd>
    </dl>
    <div class="buttons">
      {(issue.setAside !== null || issue.failures !== null) && (
        <Order label="Try again now" path={`${path}/retry`} done={changed} />
      )}
      {issue.bottle !== null && issue.phase !== "destroyed" && (
        <BottleOrders slug={issue.bottle.slug} state={issue.phase} changed={changed} />
      )}
    </div>
  </>
)

const Runs = ({ runs }: { readonly runs: Loaded<Page<Run>> }) => {
  const [chosen, choose] = useState<string>()
  return (
    <section>
      <h2>Runs</h2>
      <Read loaded={runs}>
        {({ items }) => {
          if (items.length === 0) return <p>No agent has started yet.</p>
          const shown = items.find((run) => idOf(run) === chosen)
          return (
            <>
              <Sheet label="Runs" columns={["Run", "Why", "State", "Started", "Used", "Log and output"]}>
                {items.map((run) => (
                  <tr key={idOf(run)}>
                    <td>
                      {run.slug} run {run.run}
                    </td>
                    <td data-label="Why">
                      <Text of={run.reason} />
                    </td>
                    <td data-label="State">
                      <State of={run.state} />
                      {run.problem !== null && (
                        <>
                          {" "}
                          <Text of={run.problem} />
                        </>
                      )}
                    </td>
                    <td data-label="Started">
                      <When at={run.decidedAt} />
                    </td>
                    <td data-label="Used">
                      {run.use === null
                        ? "-"
                        : `${length(run.use.seconds)}, ${amount(run.use.tokens)} tokens${
                            run.use.cost === null ? "" : `, ${money(run.use.cost)}`
                          }`}
                    </td>
                    <td data-label="Log and output">
                      <button
                        type="button"
                        aria-expanded={idOf(run) === chosen}
                        aria-label={`${idOf(run) === chosen ? "Hide" : "Show"} log and output of ${run.slug} run ${run.run}`}
                        onClick={() => choose(idOf(run) === chosen ? undefined : idOf(run))}
                      >
                        {idOf(run) === chosen ? "Hide" : "Show"}
                      </button>
                    </td>
                  </tr>
                ))}
              </Sheet>
              {shown !== undefined && <Watch key={idOf(shown)} slug={shown.slug} run={shown.run} />}
            </>
          )
        }}
      </Read>
    </section>
  )
}

const idOf = ({ slug, run }: Run): string => `${slug}.${run}`

const Timeline = ({ path }: { readonly path: string }) => {
  const [cursors, setCursors] = useState<ReadonlyArray<string>>([""])
  return (
    <section>
      <h2>Timeline</h2>
      <ol class="timeline">
        {cursors.map((cursor, index) => (
          <TimelinePage
            key={cursor}
            path={`${path}/timeline?limit=100${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`}
            more={index === cursors.length - 1 ? (next) => setCursors([...cursors, next]) : undefined}
          />
        ))}
      </ol>
    </section>
  )
}

const TimelinePage = ({
  path,
  more,
}: {
  readonly path: string
  readonly more: ((next: string) => void) | undefined
}) => {
  const { data, problem } = useLoaded<Page<Entry>>(path)
  if (data === undefined) return <li>{problem === undefined ? "Loading..." : line(problem.message)}</li>
  const { items, next } = data
  return (
    <>
      {items.length === 0 && <li>Nothing has been decided yet.</li>}
      {items.map((entry) => (
        <li key={entry.seq}>
          <When at={entry.at} /> <Event event={entry.event} />
        </li>
      ))}
      {next !== null && more !== undefined && (
        <li>
          <button type="button" onClick={() => more(next)}>
            Show what came after
          </button>
        </li>
      )}
    </>
  )
}

const Event = ({ event }: { readonly event: Entry["event"] }) => {
  if (event._tag === "Started")
    return (
      <>
        <strong>{event.operation === "Launch" ? "Launched" : "Resumed"}</strong> {event.slug} run {event.run}
      </>
    )
  if (event._tag === "Ended")
    return event.problem === null ? (
      <>
        <strong>{event.operation}</strong> ended
      </>
    ) : (
      <>
        <strong>{event.operation} failed:</strong> <Text of={event.problem} />
      </>
    )
  if (event._tag === "Ordered")
    return (
      <>
        <strong>{event.operator}</strong> ordered: {event.action} {event.target}
      </>
    )
  return (
    <>
      <strong>{event.operation ?? "Wait"}:</strong> <Text of={event.reason} />
      {event.until !== null && (
        <>
          {" "}
          (until <When at={event.until} />)
        </>
      )}
      {event.causes.length > 0 && (
        <div class="causes">
          because of <Text of={event.causes.map(causeOf).join(", ")} />
        </div>
      )}
      <div class="causes">rule: {event.rule}</div>
    </>
  )
}

type Cause = Extract<Entry["event"], { readonly _tag: "Decided" }>["causes"][number]

const causeOf = ({ kind, action, actor }: Cause): string =>
  `${kind}${action === undefined ? "" : ` ${action}`}${actor === undefined ? "" : ` by ${actor}`}`
