/** Parses a fetch request (gitprotocol-pack(5), gitprotocol-v2(5)): the objects that it names, in every version of the protocol. */
import { Either } from "effect"

/** An object that a fetch names, and the position of its ID in the body. */
interface Named {
  readonly id: string
  readonly at: number
}

/** A fetch: the original body, the wanted objects, and those that it claims to have, with or without their parents. */
export interface FetchRequest {
  readonly body: Buffer
  readonly wants: ReadonlyArray<Named>
  readonly haves: ReadonlyArray<Named>
}

const NOT_SERVED = "it asks for something that is not served"
const LENGTH = /^[0-9a-f]{4}$/i
const NAMES = /^(want|have|shallow) ([0-9a-fA-F]{40})(?:[ \n]|$)/

/** Parses a body. Left: what is wrong with it. What cannot be parsed here is not given to git. */
export const readFetch = (body: Buffer): Either.Either<FetchRequest, string> => {
  const wants: Array<Named> = []
  const haves: Array<Named> = []
  for (let at = 0; at < body.length;) {
    const length = body.toString("latin1", at, at + 4)
    const size = LENGTH.test(length) ? Number.parseInt(length, 16) : -1
    if (size === -1 || size === 3 || at + size > body.length) return Either.left("it cannot be read")
    const line = body.toString("latin1", at + 4, at + Math.min(size, 64))
    // git serves commands that it does not offer, such as object-info.
    if (line.startsWith("command=") && !/^command=(?:ls-refs|fetch)\n?$/.test(line))
      return Either.left(NOT_SERVED)
    if (/^(?:want|have|shallow)/.test(line)) {
      const [, verb, id] = NAMES.exec(line) ?? []
      if (verb === undefined || id === undefined) return Either.left(NOT_SERVED)
      const list = verb === "want" ? wants : haves
      list.push({ id: id.toLowerCase(), at: at + 4 + verb.length + 1 })
    }
    at += Math.max(size, 4)
  }
  return Either.right({ body, wants, haves })
}

/**
 * The body with hidden objects among those it claims to have replaced by a nonexistent ID, so that git neither reveals them nor builds
 * on them.
 */
export const withoutHaves = (
  { body, haves }: FetchRequest,
  isHidden: (id: string) => boolean,
  nothing: string,
): Buffer => {
  const copy = Buffer.from(body)
  for (const { id, at } of haves) if (isHidden(id)) copy.write(nothing, at, "latin1")
  return copy
}
