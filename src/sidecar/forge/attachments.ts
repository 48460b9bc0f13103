/** Attachments as agents see them: an ID that contains its number, a name without a folder, and a type detected from the content. */
import { isUtf8 } from "node:buffer"

/** The ID at the neck: `17-302` is attachment 302 of #17 and of no other number. */
export const attachmentId = (number: number, id: number): string => `${number}-${id}`

/** Parses an ID; undefined when it is invalid. */
export const readAttachmentId = (
  text: string,
): { readonly number: number; readonly id: number } | undefined => {
  const [, number, id] = /^([1-9]\d{0,15})-([1-9]\d{0,15})$/.exec(text) ?? []
  const read = { number: Number(number), id: Number(id) }
  return Number.isSafeInteger(read.number) && Number.isSafeInteger(read.id) ? read : undefined
}

/** The name, safe as a file name in any folder: a stranger chose it. */
export const plainName = (name: string): string => {
  const last = (name.split(/[/\\]/).at(-1) ?? "").replaceAll(/\p{C}/gu, "").trim()
  return last === "" || /^\.+$/.test(last) ? "attachment" : last.slice(0, 255)
}

const IMAGES: ReadonlyArray<readonly [type: string, start: RegExp]> = [
  ["image/png", /^89504e470d0a1a0a/],
  ["image/jpeg", /^ffd8ff/],
  ["image/gif", /^47494638(?:37|39)61/],
  ["image/webp", /^52494646.{8}57454250/],
]

/** The type of the content, whatever its name and the forge say: an image that models can see, text, or anything else. */
export const typeOf = (bytes: Buffer): string => {
  const start = bytes.toString("hex", 0, 16)
  const image = IMAGES.find(([, pattern]) => pattern.test(start))
  if (image !== undefined) return image[0]
  return isUtf8(bytes) && !bytes.includes(0) ? "text/plain" : "application/octet-stream"
}
