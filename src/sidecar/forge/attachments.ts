/** Files that others attached, as agents see them: an id that holds its number, a name without a folder, and a type by what is in them. */
import { isUtf8 } from "node:buffer"

/** The id at the neck: `17-302` is the attachment 302 of #17, and of nothing else. */
export const attachmentId = (number: number, id: number): string => `${number}-${id}`

/** What an id names; undefined when it is none. */
export const readAttachmentId = (
  text: string,
): { readonly number: number; readonly id: number } | undefined => {
  const [, number, id] = /^([1-9]\d{0,15})-([1-9]\d{0,15})$/.exec(text) ?? []
  const read = { number: Number(number), id: Number(id) }
  return Number.isSafeInteger(read.number) && Number.isSafeInteger(read.id) ? read : undefined
}

/** The name as that of a file in whatever folder: a stranger chose it. */
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

/** What the bytes are, whatever their name and the forge say: an image that models see, text, or anything else. */
export const typeOf = (bytes: Buffer): string => {
  const start = bytes.toString("hex", 0, 16)
  const image = IMAGES.find(([, pattern]) => pattern.test(start))
  if (image !== undefined) return image[0]
  return isUtf8(bytes) && !bytes.includes(0) ? "text/plain" : "application/octet-stream"
}
