/** The list of issues: which there are, in what state, and what they wait for. */
import { type Issue, type Page, withQuery } from "../ask.ts"
import { type Place, useLoaded } from "../use.ts"
import { Elsewhere, Pages, Read, Sheet, State, Text, When } from "./parts.tsx"

const FILTERS = ["text", "phase", "repository", "all", "cursor"] as const

/** The address of an issue in the dashboard. */
export const issuePlace = ({
  owner,
  repo,
  issueNumber,
}: Pick<Issue, "owner" | "repo" | "issueNumber">): string =>
  `#/issues/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/${issueNumber}`

/** What an issue waits for, or why it is left alone. */
export const whyOf = ({
  setAside,
  failures,
  reason,
}: Pick<Issue, "setAside" | "failures" | "reason">): string =>
  setAside ?? (failures === null ? reason : `${reason} (failed ${failures.count} times: ${failures.problem})`)

/** `#/issues` */
export const Issues = ({ place: { query } }: { readonly place: Place }) => {
  const given = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]))
  const loaded = useLoaded<Page<Issue>>(withQuery("/issues", given))
  const isFiltered = FILTERS.some((name) => given[name] !== "")
  const to = (more: Readonly<Record<string, string>>) =>
    withQuery("#/issues", { ...given, cursor: "", ...more })
  const filter = (event: Event) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    location.hash = to({
      text: String(form.get("text") ?? ""),
      phase: String(form.get("phase") ?? ""),
      repository: String(form.get("repository") ?? "").trim(),
      all: form.has("all") ? "true" : "",
    })
  }
  return (
    <>
      <h1>Issues</h1>
      <form class="filters" role="search" onSubmit={filter} key={query.toString()}>
        <label>
          Text
          <input name="text" type="search" maxLength={200} defaultValue={given["text"]} />
        </label>
        <label>
          State
          <select name="phase" defaultValue={given["phase"]}>
            <option value="">any</option>
            {["running", "frozen", "idle", "destroyed"].map((phase) => (
              <option key={phase} value={phase} selected={phase === given["phase"]}>
                {phase}
              </option>
            ))}
          </select>
        </label>
        <label>
          Repository
          <input name="repository" placeholder="owner/name" defaultValue={given["repository"]} />
        </label>
        <label class="check">
          <input name="all" type="checkbox" defaultChecked={given["all"] === "true"} />
          also those that are over
        </label>
        <button type="submit">Filter</button>
        {isFiltered && <a href="#/issues">Clear</a>}
      </form>
      <Read loaded={loaded}>
        {({ items, next }) => (
          <>
            {items.length > 0 ? <Table items={items} /> : isFiltered ? <p>No issue matches.</p> : <Begin />}
            <Pages cursor={query.get("cursor")} next={next} to={(cursor) => to({ cursor })} />
          </>
        )}
      </Read>
    </>
  )
}

const Table = ({ items }: { readonly items: ReadonlyArray<Issue> }) => (
  <Sheet
    label="Issues"
    columns={["Issue", "State", "What it waits for", "Bottle", "Pull request", "Decided"]}
  >
    {items.map((issue) => (
      <tr key={issuePlace(issue)}>
        <td>
          <a href={issuePlace(issue)}>
            {issue.owner}/{issue.repo}#{issue.issueNumber}
          </a>
          <div class="title">{issue.title !== null && <Text of={issue.title} />}</div>
        </td>
        <td data-label="State">
          <State of={issue.setAside === null ? issue.phase : "set-aside"} />
        </td>
        <td data-label="Waits for">
          <Text of={whyOf(issue)} />
        </td>
        <td data-label="Bottle">
          {issue.bottle === null ? "-" : <a href={`#/bottles/${issue.bottle.slug}`}>{issue.bottle.slug}</a>}
        </td>
        <td data-label="Pull request">
          {issue.bottle === null || issue.bottle.pr === null ? (
            "-"
          ) : (
            <Elsewhere to={issue.bottle.pr.url}>#{issue.bottle.pr.number}</Elsewhere>
          )}
        </td>
        <td data-label="Decided">
          <When at={issue.decidedAt} />
        </td>
      </tr>
    ))}
  </Sheet>
)

/** What to do first. */
const Begin = () => (
  <section class="begin">
    <h2>No issue is for an agent yet</h2>
    <ol>
      <li>
        At the forge, give an issue the label <code>bot-bottle:AGENT</code>, such as{" "}
        <code>bot-bottle:claude</code>.
      </li>
      <li>Assign it to the account of your bot.</li>
      <li>
        It appears here within seconds when webhooks arrive: <code>bot-bottle orchestrate hook</code> sets
        them up. Without them it appears with the next sweep.
      </li>
    </ol>
  </section>
)
