/** What runs used over time. */
import { useEffect, useRef } from "preact/hooks"
import uPlot from "uplot"
import { type Use, withQuery } from "../ask.ts"
import { type Place, useLoaded } from "../use.ts"
import { amount, count, length, money } from "../words.ts"
import { Read, Sheet } from "./parts.tsx"

interface Sums {
  readonly from: string
  readonly to: string
  readonly timeZone: string
  readonly items: ReadonlyArray<Use>
}

const BY = { day: "Day", repository: "Repository", issue: "Issue" } as const

/** `#/usage` */
export const Usage = ({ place: { query } }: { readonly place: Place }) => {
  const asked = query.get("by") ?? "day"
  const by = asked in BY ? (asked as keyof typeof BY) : "day"
  const loaded = useLoaded<Sums>(withQuery("/usage", { by, limit: "200" }))
  return (
    <>
      <h1>Usage</h1>
      <nav class="buttons" aria-label="Sums">
        {Object.entries(BY).map(([key, name]) => (
          <a key={key} href={`#/usage?by=${key}`} aria-current={key === by ? "page" : undefined}>
            By {name.toLowerCase()}
          </a>
        ))}
      </nav>
      <Read loaded={loaded}>
        {({ from, to, timeZone, items }) =>
          items.length === 0 ? (
            <p>
              No run has ended between {from} and {to}.
            </p>
          ) : (
            <>
              <p>
                Runs that ended from {from} to {to}, in {timeZone}.
              </p>
              {by === "day" && (
                <>
                  <Chart
                    label="Tokens"
                    color="--running"
                    from={from}
                    to={to}
                    days={items}
                    valueOf={(use) => use.tokens}
                  />
                  <Chart
                    label="US dollars"
                    color="--frozen"
                    from={from}
                    to={to}
                    days={items}
                    valueOf={(use) => use.cost}
                  />
                </>
              )}
              <Sheet label="Usage" columns={[BY[by], "Runs", "Time", "Tokens", "Cost"]}>
                {items.map((use) => (
                  <tr key={nameOf(use)}>
                    <td>{nameOf(use)}</td>
                    <td data-label="Runs">{use.runs}</td>
                    <td data-label="Time">{length(use.seconds)}</td>
                    <td data-label="Tokens">{amount(use.tokens)}</td>
                    <td data-label="Cost">
                      {money(use.cost)}
                      {use.unpriced > 0 && `, ${count(use.unpriced, "run")} without a known price`}
                    </td>
                  </tr>
                ))}
              </Sheet>
            </>
          )
        }
      </Read>
    </>
  )
}

const nameOf = ({ day, owner, repo, issueNumber }: Use): string =>
  day ?? `${owner ?? ""}/${repo ?? ""}${issueNumber === null ? "" : `#${issueNumber}`}`

/** In seconds. */
const DAY = 86_400
const secondsOf = (day: string): number => Date.parse(day) / 1000

/** A chart of days. The table below it has the same numbers. */
const Chart = ({
  label,
  color,
  from,
  to,
  days,
  valueOf,
}: {
  readonly label: string
  readonly color: string
  readonly from: string
  readonly to: string
  readonly days: ReadonlyArray<Use>
  readonly valueOf: (use: Use) => number
}) => {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const { current } = box
    if (current === null) return undefined
    const style = getComputedStyle(current)
    const axis = { stroke: style.color, grid: { stroke: style.getPropertyValue("--line") } }
    const points = days
      .filter((use) => use.day !== null)
      .map((use) => [secondsOf(use.day ?? ""), valueOf(use)] as const)
      .toSorted(([a], [b]) => a - b)
    const bars = uPlot.paths.bars?.({ size: [0.6, 40] })
    const plot = new uPlot(
      {
        width: current.clientWidth,
        height: 180,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { range: () => [secondsOf(from) - DAY / 2, secondsOf(to) + DAY / 2] },
          y: { range: (_, _min, max) => [0, max === 0 ? 1 : max * 1.05] },
        },
        axes: [axis, { ...axis, size: 70, values: (_, values) => values.map(amount) }],
        series: [
          {},
          { label, fill: style.getPropertyValue(color), ...(bars !== undefined && { paths: bars }) },
        ],
      },
      [points.map(([day]) => day), points.map(([, value]) => value)],
      current,
    )
    const resized = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: 180 }))
    resized.observe(current)
    return () => {
      resized.disconnect()
      plot.destroy()
    }
  }, [days, from, to, label, color])
  return (
    <figure>
      <figcaption>{label} per day</figcaption>
      <div ref={box} aria-hidden="true" />
    </figure>
  )
}
