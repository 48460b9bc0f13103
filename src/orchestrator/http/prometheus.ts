/** Prometheus's text format (version 0.0.4) from Effect's metrics. */
import { type MetricPair, MetricState } from "effect"

/** Metrics of Effect's own runtime and of libraries are left out. */
const OWN = /^bot_bottle_[a-z_]+$/

interface Family {
  readonly type: string
  readonly help: string
  readonly lines: Array<string>
}

/** The text of all our metrics. Samples of a family are together, as the format requires. */
export const prometheusText = (snapshot: ReadonlyArray<MetricPair.MetricPair.Untyped>): string => {
  const families = new Map<string, Family>()
  for (const { metricKey, metricState } of snapshot) {
    const { name, tags, description } = metricKey
    const sample = sampleOf(metricState)
    if (!OWN.test(name) || sample === undefined) continue
    const family = families.get(name) ?? {
      type: sample.type,
      help: description._tag === "Some" ? description.value : "",
      lines: [],
    }
    families.set(name, family)
    const labels = tags.map(({ key, value }) => `${key}="${escaped(value)}"`).join(",")
    family.lines.push(`${name}${labels === "" ? "" : `{${labels}}`} ${sample.value}`)
  }
  return [...families]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { type, help, lines }]) => [
      `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`,
      `# TYPE ${name} ${type}`,
      lines.toSorted().join("\n"),
      "",
    ])
    .join("\n")
}

const sampleOf = (state: MetricState.MetricState.Untyped): { type: string; value: string } | undefined => {
  if (MetricState.isCounterState(state)) return { type: "counter", value: String(state.count) }
  if (MetricState.isGaugeState(state)) return { type: "gauge", value: String(state.value) }
  return undefined
}

const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
