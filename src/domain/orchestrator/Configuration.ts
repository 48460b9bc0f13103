/** The orchestrator's configuration, `orchestrator.yaml`: its keys, their types, and their defaults. */
import { DateTime, Duration, Option, Schema } from "effect"
import { forgeAddress } from "../ForgeAddress.ts"
import { ManifestName } from "../Manifest.ts"
import { expecting, required } from "../expecting.ts"
import { GitRef } from "../ManifestGit.ts"
import { Budget } from "./Budgets.ts"
import { NoticeEvent } from "./Outbox.ts"
import { RepositoryPattern } from "./RepositoryPattern.ts"
import { SecretSource, SECRET_SOURCE_RULE } from "../SecretSource.ts"
import { DurationText } from "./DurationText.ts"

const map = (title: string) => ({ title })

const Names = Schema.Array(ManifestName).annotations(map("a list of names"))
const Text = Schema.String.pipe(Schema.pattern(/^[^\p{Cc}]+$/u)).annotations(expecting("a text on one line"))
const Word = Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9][\w.-]*$/)).annotations(
  expecting("a name of letters, digits, '.', '_' and '-'"),
)
const Count = Schema.Number.pipe(Schema.int(), Schema.positive()).annotations(
  expecting("a whole number from 1"),
)

const ApiAddress = Schema.String.pipe(Schema.filter((text) => Option.isSome(forgeAddress(text)))).annotations(
  expecting("the http or https URL of the forge's API"),
)

const WebAddress = Schema.String.pipe(Schema.filter((text) => Option.isSome(forgeAddress(text)))).annotations(
  expecting("an http or https URL without user, query and fragment"),
)

const Listen = Schema.String.pipe(
  Schema.filter((text) => {
    const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text) ?? []
    return port !== undefined && Number(port) <= 65535
  }),
).annotations(expecting("HOST:PORT, such as 127.0.0.1:7320"))

const choice = <A extends readonly [string, ...ReadonlyArray<string>]>(...values: A) =>
  Schema.Literal(...values).annotations(expecting(values.join(" or ")))

const orElse = <A, I>(schema: Schema.Schema<A, I>, value: () => NoInfer<A>) =>
  Schema.optionalWith(schema, { default: value })

const duration = (value: Duration.DurationInput) => orElse(DurationText, () => Duration.decode(value))

const budgets = { day: Schema.optional(Budget), issue: Schema.optional(Budget) }

/** Settings for the repositories of one key. */
export const RepositorySettings = Schema.Struct({
  /** Agents that labels may name; all if absent. */
  agents: Schema.optional(Names),
  /** Bottles that labels may name. The first ones are used when the labels name none. All if absent. */
  bottles: Schema.optional(Names),
  /** Base branch of pull requests; the repository's default branch if absent. */
  base: Schema.optional(GitRef),
  limits: Schema.optional(Schema.Struct({ running: Schema.optional(Count) }).annotations(map("{running?}"))),
  budgets: Schema.optional(Schema.Struct(budgets).annotations(map("{day?, issue?}"))),
}).annotations(map("a map of keys"))
/** Settings for the repositories of one key. */
export type RepositorySettings = typeof RepositorySettings.Type

const Limits = Schema.Struct({
  running: orElse(Count, () => 8),
  perRepository: Schema.optional(Count),
  perOrganisation: Schema.optional(Count),
}).annotations(map("{running?, perRepository?, perOrganisation?}"))

const Forge = Schema.Struct({
  api: required(ApiAddress, "the URL of the forge's API"),
  token: required(SecretSource, SECRET_SOURCE_RULE),
  /** Organisation of the bots. */
  org: orElse(Word, () => "bot-bottle"),
  /** Organisation whose members are trusted; the repository's owner if absent. */
  trustOrg: Schema.optional(Word),
  closingKeywords: orElse(Schema.Array(Text).annotations(map("a list of words")), () => []),
  /** Other accounts of the bot: which repositories each serves. The account of `token` serves all others. */
  accounts: orElse(
    Schema.Record({
      key: RepositoryPattern,
      value: Schema.Struct({ token: required(SecretSource, SECRET_SOURCE_RULE) }).annotations(map("{token}")),
    }).annotations(map("a map of accounts by OWNER/NAME")),
    () => ({}),
  ),
}).annotations(map("a map with api and token"))

const Zone = Schema.String.pipe(
  Schema.filter((name) => Option.isSome(DateTime.zoneMakeNamed(name))),
).annotations(expecting("a time zone such as Europe/Berlin"))

const Notify = Schema.Struct({
  /** An address that is itself a secret, such as Slack's, is configured like a secret. */
  url: required(
    Schema.Union(WebAddress, SecretSource).annotations(
      expecting(`an http or https URL without user, query and fragment, or ${SECRET_SOURCE_RULE}`),
    ),
    "a URL",
  ),
  /** Only for `json`: signs the messages. */
  secret: Schema.optional(SecretSource),
  format: required(choice("json", "slack", "ntfy"), "json, slack or ntfy"),
  events: required(
    Schema.NonEmptyArray(NoticeEvent.annotations(expecting(NoticeEvent.literals.join(" or ")))).annotations(
      map("a list of events"),
    ),
    "a list of events",
  ),
}).annotations(map("{url, format, events, secret?}"))

/** The configuration with all defaults. */
export const Configuration = Schema.Struct({
  forge: required(Forge, "a map with api and token"),
  /** Repositories that are served. Others are ignored. */
  repositories: required(
    Schema.Record({ key: RepositoryPattern, value: Schema.NullOr(RepositorySettings) }).annotations(
      map("a map of repositories by OWNER/NAME"),
    ),
    "a map of repositories by OWNER/NAME",
  ),
  listen: orElse(Listen, () => "127.0.0.1:7320"),
  publicUrl: Schema.optional(WebAddress),
  /** Without it no webhook is accepted. */
  webhook: Schema.optional(
    Schema.Struct({ secret: required(SecretSource, SECRET_SOURCE_RULE) }).annotations(map("{secret}")),
  ),
  sweep: duration("5 minutes"),
  settle: duration("60 seconds"),
  resumeOn: orElse(choice("any", "mention"), () => "any" as const),
  ciFeedback: orElse(Schema.NonNegativeInt.annotations(expecting("a whole number from 0")), () => 0),
  onConflict: orElse(choice("ignore", "resume"), () => "ignore" as const),
  acknowledge: orElse(choice("none", "reaction"), () => "none" as const),
  closeGrace: duration("10 minutes"),
  watchdog: duration("30 minutes"),
  frozen: orElse(Schema.Struct({ expire: duration("30 days") }).annotations(map("{expire?}")), () => ({
    expire: Duration.days(30),
  })),
  limits: orElse(Limits, () => ({ running: 8 })),
  budgets: orElse(
    Schema.Struct({ timeZone: orElse(Zone, () => "UTC"), ...budgets }).annotations(
      map("{timeZone?, day?, issue?}"),
    ),
    () => ({ timeZone: "UTC" }),
  ),
  notify: orElse(Schema.Array(Notify).annotations(map("a list of {url, format, events}")), () => []),
  operators: orElse(
    Schema.Record({
      key: Word.annotations({ title: "a name of letters, digits, '.', '_' and '-'" }),
      value: Schema.Struct({ token: required(SecretSource, SECRET_SOURCE_RULE) }).annotations(map("{token}")),
    }).annotations(map("a map of operators by name")),
    () => ({}),
  ),
  retention: orElse(
    Schema.Struct({ provenance: duration("365 days"), output: duration("30 days") }).annotations(
      map("{provenance?, output?}"),
    ),
    () => ({ provenance: Duration.days(365), output: Duration.days(30) }),
  ),
}).annotations(map("a map of keys"))
/** The configuration with all defaults. */
export type Configuration = typeof Configuration.Type
