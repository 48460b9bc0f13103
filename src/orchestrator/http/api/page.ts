/** Pages of lists: parameters, the page itself, and cursors, which are opaque to callers. */
import { Effect, Encoding, Schema } from "effect"
import { BadRequest } from "./errors.ts"

/** Rows of a page, unless asked for otherwise, and at most. */
export const LIMIT_DEFAULT = 50
/** Rows of a page at most. */
export const LIMIT_MAX = 200

/** A whole number in a query, within bounds. */
export const wholeNumber = (min: number, max: number) =>
  Schema.NumberFromString.pipe(Schema.int(), Schema.between(min, max))

/** Parameters of every list. */
export const pageParams = {
  limit: Schema.optionalWith(wholeNumber(1, LIMIT_MAX), { default: () => LIMIT_DEFAULT }),
  /** `next` of the page before. */
  cursor: Schema.optional(Schema.String.pipe(Schema.maxLength(2000))),
}

/** A page: its rows, and the cursor of the next page; null when this is the last. */
export const pageOf = <A, I>(row: Schema.Schema<A, I>) =>
  Schema.Struct({ items: Schema.Array(row), next: Schema.NullOr(Schema.String) })

/** Encodes and decodes the cursors of one list. */
export const cursorOf = <A, I>(place: Schema.Schema<A, I>) => {
  const json = Schema.parseJson(place)
  const encode = Schema.encode(json)
  const decode = Schema.decodeUnknown(json)
  return {
    /** The place of a cursor; undefined without one. */
    read: (cursor: string | undefined): Effect.Effect<A | undefined, BadRequest> =>
      cursor === undefined
        ? Effect.succeed(undefined)
        : Effect.flatMap(Encoding.decodeBase64UrlString(cursor), decode).pipe(
            Effect.mapError(
              () => new BadRequest({ message: "cursor is not one of this list: use `next` of a page" }),
            ),
          ),
    /** The page of these rows, of which one more than `limit` was asked for. */
    page: <Row>(rows: ReadonlyArray<Row>, limit: number, placeOf: (row: Row) => A) => {
      const items = rows.slice(0, limit)
      const last = items.at(-1)
      return last === undefined || rows.length <= limit
        ? Effect.succeed({ items, next: null })
        : Effect.map(Effect.orDie(encode(placeOf(last))), (text) => ({
            items,
            next: Encoding.encodeBase64Url(text),
          }))
    },
  }
}
