/** What the HTTP interface has about bottles: lists, details, the operation log, the output of runs, and orders. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { Schema } from "effect"
import { BottleState, BottleStatus } from "../../../domain/Bottle.ts"
import { RunNumber } from "../../../domain/orchestrator/IssueKey.ts"
import { OperationLine } from "../../../domain/OperationLine.ts"
import { Slug } from "../../../domain/Slug.ts"
import { BadRequest, Conflict, NotFound, TooMany, Unavailable } from "./errors.ts"
import { pageOf, pageParams, wholeNumber } from "./page.ts"
import { EventStream, LastEventId } from "./stream.ts"

/** One bottle. */
export const BottleDetail = Schema.Struct({
  status: BottleStatus,
  /** When its agent last called its neck, ISO 8601; `""` when it never did. */
  lastCheckinAt: Schema.String,
  /** Issues that it handles. */
  issues: Schema.Array(
    Schema.Struct({
      forge: Schema.String,
      owner: Schema.String,
      repo: Schema.String,
      issueNumber: Schema.Number,
    }),
  ),
})

/** A line of an operation log. Targets and details have text of the agent. */
export const LogLine = Schema.Struct({
  /** Where the next line begins, in bytes: the ID of this line in a stream. */
  end: Schema.NonNegativeInt,
  /** Null when it is not as this version writes it. */
  line: Schema.NullOr(OperationLine),
})
/** A line of an operation log. */
export type LogLine = typeof LogLine.Type

/** A part of the output of a run: what the agent wrote, as UTF-8. */
export const OutputPart = Schema.Struct({
  text: Schema.String,
  /** Where the next part begins, in bytes; null at the end of what was written so far. */
  next: Schema.NullOr(Schema.NonNegativeInt),
})

/** The state of a bottle after an order; null: it is gone. */
export const BottleChange = Schema.Struct({ slug: Slug, state: Schema.NullOr(BottleState) })

const OUTPUT_DEFAULT = 65_536
/** Bytes of a part of an output at most. */
const OUTPUT_MAX = 1_048_576

const slug = HttpApiSchema.param("slug", Slug)
const run = HttpApiSchema.param(
  "run",
  Schema.NumberFromString.pipe(Schema.compose(RunNumber, { strict: false })),
)

const list = HttpApiEndpoint.get("list", "/bottles")
  .setUrlParams(Schema.Struct(pageParams))
  .addSuccess(pageOf(BottleStatus))
  .addError(BadRequest)

const get = HttpApiEndpoint.get("get")`/bottles/${slug}`.addSuccess(BottleDetail).addError(NotFound)

const log = HttpApiEndpoint.get("log")`/bottles/${slug}/log`
  .setUrlParams(
    Schema.Struct({
      ...pageParams,
      /** Only the lines of one run that has ended. */
      run: Schema.optional(wholeNumber(1, 1_000_000)),
    }),
  )
  .addSuccess(pageOf(LogLine))
  .addError(BadRequest)
  .addError(NotFound)

const logLive = HttpApiEndpoint.get("logLive")`/bottles/${slug}/log/live`
  .setHeaders(LastEventId)
  .addSuccess(EventStream)
  .addError(NotFound)
  .addError(TooMany)

const output = HttpApiEndpoint.get("output")`/bottles/${slug}/runs/${run}/output`
  .setUrlParams(
    Schema.Struct({
      /** Where to begin, in bytes. */
      from: Schema.optionalWith(wholeNumber(0, Number.MAX_SAFE_INTEGER), { default: () => 0 }),
      /** At most so many bytes. */
      limit: Schema.optionalWith(wholeNumber(4, OUTPUT_MAX), { default: () => OUTPUT_DEFAULT }),
    }),
  )
  .addSuccess(OutputPart)
  .addError(NotFound)

const outputLive = HttpApiEndpoint.get("outputLive")`/bottles/${slug}/runs/${run}/output/live`
  .setHeaders(LastEventId)
  .addSuccess(EventStream)
  .addError(NotFound)
  .addError(TooMany)

const stop = HttpApiEndpoint.post("stop")`/bottles/${slug}/stop`
  .addSuccess(BottleChange)
  .addError(NotFound)
  .addError(Conflict)
const freeze = HttpApiEndpoint.post("freeze")`/bottles/${slug}/freeze`
  .addSuccess(BottleChange)
  .addError(NotFound)
  .addError(Conflict)
const destroy = HttpApiEndpoint.post("destroy")`/bottles/${slug}/destroy`
  .addSuccess(BottleChange)
  .addError(NotFound)
  .addError(Conflict)

/**
 * `GET /bottles`, and below `/bottles/SLUG`: the bottle, `log`, `log/live`, `runs/N/output`, `runs/N/output/live`, and `POST` `stop`,
 * `freeze` and `destroy`
 */
export const bottles = HttpApiGroup.make("bottles")
  .add(list)
  .add(get)
  .add(log)
  .add(logLive)
  .add(output)
  .add(outputLive)
  .add(stop)
  .add(freeze)
  .add(destroy)
  .addError(Unavailable)
