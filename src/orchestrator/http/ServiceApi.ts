/** ServiceApi describes the HTTP interface of the service for operators. Every endpoint needs an operator's token. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiError from "@effect/platform/HttpApiError"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { Schema } from "effect"
import { Envelope, RunStatement } from "../../domain/Provenance.ts"
import { Slug } from "../../domain/Slug.ts"

/** What is stated about a run. */
export const ProvenanceOfRun = Schema.Struct({
  slug: Slug,
  run: Schema.Number,
  /** Null when it was written by a version whose statements this one cannot read. */
  statement: Schema.NullOr(RunStatement),
  /** The signed statement; null until it is signed. */
  envelope: Schema.NullOr(Envelope),
})

/** The runs for an issue, by its repository and number. */
const ofIssue = HttpApiEndpoint.get("ofIssue", "/provenance")
  .setUrlParams(
    Schema.Struct({
      owner: Schema.NonEmptyString,
      repo: Schema.NonEmptyString,
      issue: Schema.NumberFromString.pipe(Schema.int(), Schema.positive()),
    }),
  )
  .addSuccess(Schema.Array(ProvenanceOfRun))
  .addError(HttpApiError.ServiceUnavailable)

const scrape = HttpApiEndpoint.get("scrape", "/metrics")
  .addSuccess(HttpApiSchema.Text({ contentType: "text/plain; version=0.0.4; charset=utf-8" }))
  .addError(HttpApiError.ServiceUnavailable)

/** The HTTP interface of the service. */
export const ServiceApi = HttpApi.make("bot-bottle")
  .add(HttpApiGroup.make("provenance").add(ofIssue))
  .add(HttpApiGroup.make("metrics").add(scrape))
