/** What an answer of Gitea means and what to do about it, in our own words: the forge's are never passed on. */
import { ForgeRequestError } from "../../domain/Errors.ts"

/** Scopes that the bot's token needs. */
const SCOPES = "write:issue, write:repository, read:organization and read:user"

/** What a call was about, as messages name it: `#17`, `the org "bots"`, `the repository ann/tool`. */
export interface Subject {
  readonly operation: string
  readonly subject: string
}

/** The error for a status that is not the documented success. */
export const refused = ({ operation, subject }: Subject, status: number): ForgeRequestError =>
  new ForgeRequestError({
    operation,
    status,
    reason: reasonFor(status, subject),
    ...(status === 404 && {
      shown: `${subject} does not exist, or this run's user cannot see it: check the number`,
    }),
  })

const reasonFor = (status: number, subject: string): string => {
  if (status === 303) return undecidable
  if (status >= 300 && status < 400) {
    return "the repository was renamed or moved, or its owner was: set FORGE_OWNER and FORGE_REPO to the new names"
  }
  if (status >= 500) return `the forge failed on ${subject}: try again later; the forge's own log says why`
  if (status >= 200 && status < 300) {
    return `the forge answered ${subject} with another success than Gitea documents: check that FORGE_GITEA_API is a Gitea's`
  }
  return (
    REASONS[status]?.(subject) ??
    `the forge refused ${subject}: check FORGE_GITEA_API and the forge's version`
  )
}

/** Gitea answers 303 to someone who is not a member of the org: the asker sees public members only. */
export const undecidable =
  "the membership cannot be decided: make the bot (the token's user) a member of that org, or check the org's name"

const REASONS: Readonly<Record<number, (subject: string) => string>> = {
  400: (subject) => `the forge could not apply this to ${subject}: read it again, then try again`,
  401: () =>
    "the forge does not accept the token: make a new one for the bot's user and set FORGE_GITEA_TOKEN",
  403: (subject) =>
    `the token's user may not do this to ${subject}: the token needs the scopes ${SCOPES}; its user must be allowed ` +
    "to do it (rights on the repository, conversation not locked, user not blocked, password change not due)",
  404: (subject) =>
    `${subject} does not exist, or the token's user cannot see it: check the number, FORGE_OWNER, FORGE_REPO and FORGE_GITEA_API, ` +
    "and the user's access (private repository, disabled unit, enforced two-factor)",
  409: (subject) => `${subject} was changed by someone else meanwhile: read it again, then decide anew`,
  412: (subject) => `the state of ${subject} does not allow this`,
  422: (subject) => `the forge does not accept these values for ${subject}`,
  423: () => "the repository is archived and takes no comments or pull requests: un-archive it to go on",
  429: () => "the forge or a proxy before it asks to slow down: try again later",
}

/** The error for an answer that has the right status and not the documented form. */
export const malformed = ({ operation, subject }: Subject, status: number, what: string): ForgeRequestError =>
  new ForgeRequestError({ operation, status, reason: `the answer for ${subject} ${what}` })

/** The error for no answer at all. */
export const noAnswer = ({ operation }: Subject, reason: string): ForgeRequestError =>
  new ForgeRequestError({ operation, status: 0, reason })
