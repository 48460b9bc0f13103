/** Explains Gitea's responses and what to do about them, in our own words: the forge's text is never passed on. */
import { ForgeRequestError } from "../../domain/Errors.ts"
import { type ForgeReason, reasonOfStatus } from "../../domain/ForgeReason.ts"

/** Scopes that the bot's token needs. */
const SCOPES = "write:issue, write:repository, read:organization and read:user"

/** The subject of a call in messages: `#17`, `the org "bots"`, `the repository ann/tool`. */
export interface Subject {
  readonly operation: string
  readonly subject: string
}

/** The error for a status that is not the documented success. */
export const refused = ({ operation, subject }: Subject, status: number): ForgeRequestError =>
  new ForgeRequestError({
    operation,
    status,
    reason: reasonOfStatus(status),
    detail: detailOf(status, subject),
    ...(reasonOfStatus(status) === "NotFound" && {
      shown: `${subject} does not exist, or this run's user cannot see it: check the number`,
    }),
  })

const detailOf = (status: number, subject: string): string => DETAILS[reasonOfStatus(status)](subject)

/** Gitea returns 303 to someone who is not a member of the organisation and only sees its public members. */
export const undecidable =
  "the membership cannot be decided: make the bot (the token's user) a member of that org, or check the org's name"

const DETAILS: Readonly<Record<ForgeReason, (subject: string) => string>> = {
  BadRequest: (subject) => `the forge could not apply this to ${subject}: read it again, then try again`,
  Unauthorized: () =>
    "the forge does not accept the token: make a new one for the bot's user and set FORGE_GITEA_TOKEN",
  Forbidden: (subject) =>
    `the token's user may not do this to ${subject}: the token needs the scopes ${SCOPES}; its user must be allowed ` +
    "to do it (rights on the repository, conversation not locked, user not blocked, password change not due)",
  NotFound: (subject) =>
    `${subject} does not exist, or the token's user cannot see it: check the number, FORGE_OWNER, FORGE_REPO and FORGE_GITEA_API, ` +
    "and the user's access (private repository, disabled unit, enforced two-factor)",
  Conflict: (subject) => `${subject} was changed by someone else: read it again, then decide again`,
  Precondition: (subject) => `the state of ${subject} does not allow this`,
  Invalid: (subject) => `the forge does not accept these values for ${subject}`,
  Locked: () => "the repository is archived and takes no comments or pull requests: un-archive it to go on",
  RateLimited: () => "the forge or a proxy in front of it asks to slow down: try again later",
  Refused: (subject) => `the forge refused ${subject}: check FORGE_GITEA_API and the forge's version`,
  Undecidable: () => undecidable,
  Moved: () =>
    "the repository was renamed or moved, or its owner was: set FORGE_OWNER and FORGE_REPO to the new names",
  ServerError: (subject) => `the forge failed on ${subject}: try again later; the forge's own log says why`,
  Unexpected: (subject) =>
    `the forge answered ${subject} with a success status that Gitea does not document: check that FORGE_GITEA_API belongs to a Gitea`,
  Malformed: (subject) => `the answer for ${subject} cannot be read: check FORGE_GITEA_API`,
  Unreachable: () =>
    "the forge cannot be reached: check FORGE_GITEA_API, the network and that the forge runs",
}

/** The same failure with more about what was tried. Agents see this text too. */
export const worded = (error: Pick<ForgeRequestError, "operation" | "status" | "reason">, text: string) =>
  new ForgeRequestError({
    operation: error.operation,
    status: error.status,
    reason: error.reason,
    detail: text,
    shown: text,
  })

/** The error for a response with the right status and a body that is not as documented. */
export const malformed = ({ operation, subject }: Subject, status: number, what: string): ForgeRequestError =>
  new ForgeRequestError({
    operation,
    status,
    reason: "Malformed",
    detail: `the answer for ${subject} ${what}`,
  })

/** The error for no response at all. */
export const noAnswer = ({ operation }: Subject, detail: string): ForgeRequestError =>
  new ForgeRequestError({ operation, status: 0, reason: "Unreachable", detail })
