/** Attachments in GiteaForge: listed with the texts that they belong to, and fetched from the address that their uuid has at this forge. */
import { Effect } from "effect"
import { ForgeRequestError } from "../../domain/Errors.ts"
import type { Attachment } from "../../domain/ForgeDetails.ts"
import type { ForgeReads } from "../../services/Forge.ts"
import type { AttachmentAnswer, UserAnswer } from "./answers.ts"
import type { Membership } from "./membership.ts"
import type { GiteaReads } from "./reads.ts"
import { worded } from "./reasons.ts"

/** The attachments of one repository. */
export const makeAttachments = (
  { http, issue, comments }: GiteaReads,
  { trusted }: Membership,
): Pick<ForgeReads, "listAttachments" | "readAttachment"> => {
  /** Only files that the forge lists under a number of this repository have an ID here. */
  const find = Effect.fnUntraced(function* (operation: string, number: number) {
    const said = yield* comments(operation, number)
    const about = yield* issue(operation, number)
    const texts: ReadonlyArray<Text> = [
      { comment: null, user: about.user, assets: about.assets },
      ...said.comments.map(({ id, user, assets }) => ({ comment: id, user, assets })),
    ].filter(({ assets }) => assets.length > 0)
    const ids = yield* trusted(texts.map(({ user }) => user))
    return texts.flatMap((text) =>
      text.assets.map((answer) => ({ uuid: answer.uuid, attachment: toAttachment(answer, text, ids) })),
    )
  })

  const listAttachments = Effect.fn("Forge.listAttachments")(function* (number: number) {
    return (yield* find("listAttachments", number)).map(({ attachment }) => attachment)
  })

  const readAttachment = Effect.fn("Forge.readAttachment")(function* (number: number, id: number) {
    const operation = "readAttachment"
    const subject = `the attachment ${id} of #${number}`
    const found = (yield* find(operation, number)).find(({ attachment }) => attachment.id === id)
    if (found === undefined)
      return yield* worded(
        { operation, status: 404, reason: "NotFound" },
        `#${number} has no attachment ${id}: list_attachments lists them`,
      )
    const { uuid, attachment } = found
    if (!UUID.test(uuid))
      return yield* new ForgeRequestError({
        operation,
        status: 200,
        reason: "Malformed",
        detail: `the forge has no address for ${subject}`,
      })
    const tooLarge = worded(
      { operation, status: 200, reason: "Malformed" },
      `${subject} is larger than ${http.bytesMax / 1024 / 1024} MiB, which is as much as can be read here`,
    )
    if (attachment.size > http.bytesMax) return yield* tooLarge
    const data = yield* http
      .download({ operation, subject, path: `attachments/${uuid}` })
      .pipe(
        Effect.mapError((error) =>
          error.reason === "Moved" || error.reason === "Undecidable"
            ? worded(
                { operation, status: error.status, reason: "Moved" },
                "the forge keeps attachments on another server, which is not contacted",
              )
            : error.reason === "Malformed"
              ? tooLarge
              : error,
        ),
      )
    return { ...attachment, data }
  })

  return { listAttachments, readAttachment }
}

/** A text with its attachments. */
interface Text {
  readonly comment: number | null
  readonly user: UserAnswer
  readonly assets: ReadonlyArray<AttachmentAnswer>
}

/** Nothing else may become a part of the address. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const toAttachment = (
  answer: AttachmentAnswer,
  { comment, user }: Text,
  trusted: ReadonlySet<number>,
): Attachment => ({
  id: answer.id,
  name: answer.name,
  size: answer.size,
  createdAt: answer.created_at,
  link: answer.browser_download_url,
  comment,
  user: user.login,
  authorTrusted: trusted.has(user.id),
})
