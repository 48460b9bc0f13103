/** Bottles: the list, and one bottle with its live operation log and output. */
import { useEffect, useRef, useState } from "preact/hooks"
import { type Bottle, type Line, type OneBottle, type Page, withQuery } from "../ask.ts"
import { type Place, useLoaded, useStream } from "../use.ts"
import { amount, line, money, text } from "../words.ts"
import { issuePlace } from "./Issues.tsx"
import { Order, Pages, Read, Rows, Sheet, State, Text, When } from "./parts.tsx"

/** `#/bottles` */
export const Bottles = ({ place: { query } }: { readonly place: Place }) => {
  const loaded = useLoaded<Page<Bottle>>(withQuery("/bottles", { cursor: query.get("cursor") ?? "" }))
  return (
    <>
      <h1>Bottles</h1>
      <Read loaded={loaded}>
        {({ items, next }) =>
          items.length === 0 ? (
            <p>
              There is no bottle. An issue that is labelled and assigned gets one, and so does{" "}
              <code>bot-bottle start</code>.
            </p>
          ) : (
            <>
              <Sheet label="Bottles" columns={["Bottle", "State", "Agent", "Run", "Said", "Used", "Created"]}>
                {items.map((bottle) => (
                  <tr key={bottle.slug}>
                    <td>
                      <a href={`#/bottles/${bottle.slug}`}>{bottle.slug}</a>
                    </td>
                    <td data-label="State">
                      <State of={bottle.state} />
                    </td>
                    <td data-label="Agent">{bottle.agent}</td>
                    <td data-label="Run">{bottle.run}</td>
                    <td data-label="Said">{bottle.done === null ? "-" : bottle.done.status}</td>
                    <td data-label="Used">{usedOf(bottle)}</td>
                    <td data-label="Created">
                      <When at={bottle.createdAt} />
                    </td>
                  </tr>
                ))}
              </Sheet>
              <Pages
                cursor={query.get("cursor")}
                next={next}
                to={(cursor) => withQuery("#/bottles", { cursor })}
              />
            </>
          )
        }
      </Read>
    </>
  )
}

const usedOf = ({ use }: Pick<Bottle, "use">): string => {
  if (use === null || use.models.length === 0) return "-"
  const tokens = use.models.reduce((sum, { input, output }) => sum + input + output, 0)
  return `${amount(tokens)} tokens, ${money(use.models.reduce((sum, { cost }) => sum + cost, 0) / 1e6)}`
}

/** `#/bottles/SLUG` */
export const BottlePage = ({ slug }: { readonly slug: string }) => {
  const loaded = useLoaded<OneBottle>(`/bottles/${encodeURIComponent(slug)}`)
  return (
    <>
      <p>
        <a href="#/bottles">Bottles</a>
      </p>
      <h1>{slug}</h1>
      <Read loaded={loaded}>
        {({ status, issues, lastCheckinAt }) => (
          <>
            <dl>
              <dt>State</dt>
              <dd>
                <State of={status.state} />
                {status.exit !== null && ` exit code ${status.exit.code}`}
              </dd>
              <dt>Agent</dt>
              <dd>
                {status.agent}, run {status.run}, on {status.backend}
              </dd>
              {issues.map((issue) => (
                <>
                  <dt>Issue</dt>
                  <dd>
                    <a href={issuePlace(issue)}>
                      {issue.owner}/{issue.repo}#{issue.issueNumber}
                    </a>
                  </dd>
                </>
              ))}
              {status.done !== null && (
                <>
                  <dt>Said</dt>
                  <dd>
                    {status.done.status}: <Text of={status.done.summary} />
                  </dd>
                </>
              )}
              <dt>Last call</dt>
              <dd>
                <When at={lastCheckinAt === "" ? null : lastCheckinAt} />
              </dd>
              <dt>Used</dt>
              <dd>{usedOf(status)}</dd>
            </dl>
            <div class="buttons">
              <BottleOrders slug={slug} state={status.state} changed={loaded.again} />
            </div>
            <Watch slug={slug} run={status.run} />
          </>
        )}
      </Read>
    </>
  )
}

/** What can be ordered of a bottle in its state. */
export const BottleOrders = ({
  slug,
  state,
  changed,
}: {
  readonly slug: string
  readonly state: string
  readonly changed: () => void
}) => {
  const path = `/bottles/${encodeURIComponent(slug)}`
  return (
    <>
      {state === "running" && (
        <Order
          label="Stop"
          path={`${path}/stop`}
          confirm={`Stop the agent of ${slug}? Its work stays.`}
          done={changed}
        />
      )}
      {state === "exited" && <Order label="Freeze" path={`${path}/freeze`} done={changed} />}
      {state !== "running" && (
        <Order
          label="Destroy"
          path={`${path}/destroy`}
          confirm={`Destroy ${slug}? What it has not pushed is lost.`}
          done={changed}
        />
      )}
    </>
  )
}

/** So many lines and characters stay on the page. */
const LINES_MAX = 500
const TEXT_MAX = 200_000

/** The live operation log of a bottle, and the live output of a run. */
export const Watch = ({ slug, run }: { readonly slug: string; readonly run: number }) => {
  const [shows, setShows] = useState<"log" | "output">("log")
  const path = `/bottles/${encodeURIComponent(slug)}`
  return (
    <section aria-label={`${slug} run ${run}`}>
      <div class="buttons" role="group" aria-label="What is shown">
        <button type="button" aria-pressed={shows === "log"} onClick={() => setShows("log")}>
          Operation log
        </button>
        <button type="button" aria-pressed={shows === "output"} onClick={() => setShows("output")}>
          Output of run {run}
        </button>
      </div>
      {shows === "log" ? (
        <Log path={`${path}/log/live`} />
      ) : (
        <Output path={`${path}/runs/${run}/output/live`} />
      )}
    </section>
  )
}

const HINT = { open: "live", ended: "ended", broken: "connecting..." } as const

const Log = ({ path }: { readonly path: string }) => {
  const [lines, setLines] = useState<ReadonlyArray<Line>>([])
  const waiting = useRef<Array<Line>>([])
  const state = useStream<Line>(path, (line) => {
    // Many lines are drawn together.
    if (waiting.current.push(line) === 1)
      requestAnimationFrame(() => {
        const added = waiting.current
        waiting.current = []
        setLines((lines) => [...lines, ...added].slice(-LINES_MAX))
      })
  })
  const end = useFollow(lines)
  return (
    <>
      <p class="hint" role="status">
        {HINT[state]}
        {lines.length === LINES_MAX && `, the last ${LINES_MAX} lines`}
      </p>
      <div class="log" tabIndex={0} role="region" aria-label="Operation log" ref={end}>
        <Rows columns={["Time", "Operation", "Outcome", "Detail"]}>
          {lines.map(({ end, line: entry }) =>
            entry === null ? (
              <tr key={end}>
                <td colSpan={4}>a line that this version cannot read</td>
              </tr>
            ) : (
              <tr key={end}>
                <td>{entry.at.slice(11, 19)}</td>
                <td>
                  {line(entry.op)} <Text of={entry.target} />
                </td>
                <td>
                  <State of={entry.outcome} />
                </td>
                <td>
                  <Text of={[entry.reason ?? "", entry.detail].filter((part) => part !== "").join(" - ")} />
                </td>
              </tr>
            ),
          )}
        </Rows>
      </div>
    </>
  )
}

const Output = ({ path }: { readonly path: string }) => {
  const [shown, setShown] = useState("")
  const state = useStream<{ readonly text: string }>(path, (part) =>
    setShown((before) => (before + part.text).slice(-TEXT_MAX)),
  )
  const end = useFollow(shown)
  return (
    <>
      <p class="hint" role="status">
        {HINT[state]}
      </p>
      <div class="log" tabIndex={0} role="region" aria-label="Output" ref={end}>
        <pre>{shown === "" && state === "ended" ? "(no output)" : text(shown)}</pre>
      </div>
    </>
  )
}

/** Keeps the end in sight, until the viewer scrolls away from it. */
const useFollow = (shown: unknown) => {
  const box = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  useEffect(() => {
    const { current } = box
    if (current === null) return undefined
    const scrolled = () => {
      follows.current = current.scrollHeight - current.scrollTop - current.clientHeight < 40
    }
    current.addEventListener("scroll", scrolled)
    return () => current.removeEventListener("scroll", scrolled)
  }, [])
  useEffect(() => {
    if (follows.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight
  }, [shown])
  return box
}
