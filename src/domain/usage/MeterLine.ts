/** Lines of the file in which a sidecar keeps what its run used, so that a relaunched sidecar goes on from there. */
import { Option, Schema } from "effect"
import { HostUse, ModelUse, NO_USE, RunMeter, withHostUse, withModelUse } from "./RunMeter.ts"

/** A limit of what a run may use. */
export const UseLimit = Schema.Literal("tokens", "cost", "calls")
/** A limit of what a run may use. */
export type UseLimit = typeof UseLimit.Type

/** One line. */
export const MeterLine = Schema.Union(
  /** What the run had used when the file was last written anew. */
  Schema.Struct({ line: Schema.Literal("sum"), meter: RunMeter }),
  /** A call was admitted. `use` is the most that it was reckoned to use. */
  Schema.Struct({ line: Schema.Literal("begin"), id: Schema.Number, use: ModelUse }),
  /** What that call used. */
  Schema.Struct({ line: Schema.Literal("end"), id: Schema.Number, use: ModelUse }),
  Schema.Struct({ line: Schema.Literal("host"), use: HostUse }),
  /** A limit was reached: nothing more is admitted. */
  Schema.Struct({ line: Schema.Literal("over"), limit: UseLimit }),
)
/** One line. */
export type MeterLine = typeof MeterLine.Type

/** Name of the file of a run, in the state directory of its bottle. */
export const meterFile = (run: number): string => `usage-${run}.jsonl`

/** What a file says. */
export interface ReadMeter {
  readonly meter: RunMeter
  readonly over: UseLimit | undefined
}

const decode = Schema.decodeOption(Schema.parseJson(MeterLine))

/** The text of a line, with its newline. */
export const meterLineText = (line: MeterLine): string => `${JSON.stringify(line)}\n`

/**
 * Reads a file. Calls without an end are counted with the most that they were reckoned to use, unless `underWay` says that their sidecar
 * may still be at work. A line that was cut off by a crash is left out.
 */
export const readMeterLines = (text: string, underWay = false): ReadMeter => {
  const open = new Map<number, ModelUse>()
  let meter = NO_USE
  let over: UseLimit | undefined
  for (const part of text.split("\n")) {
    const line = Option.getOrUndefined(decode(part))
    if (line === undefined) continue
    switch (line.line) {
      case "sum":
        meter = line.meter
        break
      case "begin":
        open.set(line.id, line.use)
        break
      case "end":
        open.delete(line.id)
        meter = withModelUse(meter, line.use)
        break
      case "host":
        meter = withHostUse(meter, line.use)
        break
      case "over":
        over = line.limit
        break
    }
  }
  if (underWay) return { meter, over }
  return { meter: [...open.values()].reduce(withModelUse, meter), over }
}
