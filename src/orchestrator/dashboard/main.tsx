/** The dashboard: pages for operators in a browser, over the HTTP interface of the service. */
import { render } from "preact"
import { useEffect, useRef } from "preact/hooks"
import type { Service } from "./ask.ts"
import { type Place, useLoaded, usePlace } from "./use.ts"
import { count, line } from "./words.ts"
import { BottlePage, Bottles } from "./views/Bottle.tsx"
import { IssuePage } from "./views/Issue.tsx"
import { Issues } from "./views/Issues.tsx"
import { Order, State, Trouble, When } from "./views/parts.tsx"
import { Requests } from "./views/Requests.tsx"
import { Usage } from "./views/Usage.tsx"

const PAGES = [
  ["issues", "Issues"],
  ["bottles", "Bottles"],
  ["requests", "Requests"],
  ["usage", "Usage"],
] as const

const App = () => {
  const place = usePlace()
  const [page = "issues"] = place.parts
  const main = useRef<HTMLElement>(null)
  const where = place.parts.join("/")
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${where === "" ? "Issues" : where} · bot-bottle`
    // A screen reader begins with the new page.
    if (!isFirst.current) main.current?.focus()
    isFirst.current = false
  }, [where])
  return (
    <>
      <header>
        <a class="skip" href="#main" onClick={skipTo(main)}>
          Skip to the content
        </a>
        <a class="name" href="#/issues">
          bot-bottle
        </a>
        <nav aria-label="Pages of the dashboard">
          {PAGES.map(([key, name]) => (
            <a key={key} href={`#/${key}`} aria-current={key === page ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <form method="post" action="/sign-out">
          <button type="submit">Sign out</button>
        </form>
      </header>
      <Status />
      <main id="main" ref={main} tabIndex={-1}>
        <Content place={place} />
      </main>
    </>
  )
}

const skipTo = (main: { readonly current: HTMLElement | null }) => (event: Event) => {
  event.preventDefault()
  main.current?.focus()
}

const Content = ({ place }: { readonly place: Place }) => {
  const [page = "issues", ...rest] = place.parts
  const [first, second, third] = rest
  if (page === "issues" && rest.length === 0) return <Issues place={place} />
  if (page === "issues" && first !== undefined && second !== undefined && third !== undefined)
    return <IssuePage key={rest.join("/")} parts={[first, second, third]} />
  if (page === "bottles" && first === undefined) return <Bottles place={place} />
  if (page === "bottles" && first !== undefined) return <BottlePage key={first} slug={first} />
  if (page === "requests") return <Requests place={place} />
  if (page === "usage") return <Usage place={place} />
  return (
    <>
      <h1>There is no such page</h1>
      <p>
        <a href="#/issues">Go to the issues</a>
      </p>
    </>
  )
}

/** The state of the service, above every page. */
const Status = () => {
  const { data, problem, again } = useLoaded<Service>("/status", 10_000)
  if (data === undefined) return problem === undefined ? null : <Trouble problem={problem} again={again} />
  const { health, pausedAt, issues, requests, operator } = data
  return (
    <section class="status" aria-label="Status of the service">
      <span>
        <State of="running" /> {issues.running}
      </span>
      <span>
        <State of="frozen" /> {issues.frozen}
      </span>
      <span>
        <State of="idle" /> {issues.idle}
      </span>
      {requests > 0 && <a href="#/requests">{count(requests, "open request")}</a>}
      {pausedAt === null ? (
        <Order
          label="Pause"
          path="/pause"
          confirm="Pause? Nothing new starts. Agents at work go on."
          done={again}
        />
      ) : (
        <>
          <span>
            <State of="paused" /> <When at={pausedAt} />
          </span>
          <Order label="Continue" path="/continue" done={again} />
        </>
      )}
      {health?.secret !== undefined && <span role="alert">{line(health.secret)}</span>}
      {health !== null && health.sweep.failures > 0 && (
        <span role="alert">
          the last {health.sweep.failures} sweeps failed
          {health.sweep.problem !== undefined && `: ${line(health.sweep.problem)}`}
        </span>
      )}
      {problem !== undefined && <span role="alert">{line(problem.message)}</span>}
      <span class="operator">signed in as {operator}</span>
    </section>
  )
}

render(<App />, document.body)
