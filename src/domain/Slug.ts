/** Names of bottles: the operator's label, and the slug minted from it. */
import { Schema } from "effect"

/** Name of a bottle: `[a-z0-9][a-z0-9-]*`, at most 40 characters. */
export const Slug = Schema.String.pipe(
  Schema.pattern(/^[a-z0-9][a-z0-9-]*$/, {
    message: () => "a slug starts with a-z or 0-9 and has only a-z, 0-9 and -",
  }),
  Schema.maxLength(40, { message: () => "a slug has at most 40 characters" }),
  Schema.brand("Slug"),
)
/** Name of a bottle. */
export type Slug = typeof Slug.Type

/** Longest label, so that `<label>-<5>` fits a slug. */
export const LABEL_MAX = 34

/** The alphabet of a slug's suffix (RFC 4648 base32, lower case). */
export const SUFFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

/** Normalises a label: lower case, other runs become `-`, trimmed, cut to 34. Empty when nothing is left. */
export const normalizeLabel = (text: string): string =>
  cut(
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-/, ""),
    LABEL_MAX,
  )

/** The first of `label`, `label-2`, `label-3`, ... that is free, cut so that it fits 34 with its suffix. */
export const freeLabel = (label: string, taken: ReadonlySet<string>): string => {
  for (let n = 1; ; n++) {
    const suffix = n === 1 ? "" : `-${n}`
    const candidate = cut(label, LABEL_MAX - suffix.length) + suffix
    if (!taken.has(candidate)) return candidate
  }
}

/** The slug `<label>-<suffix>`; `suffix` is five characters of {@link SUFFIX_ALPHABET}. */
export const mintSlug = (label: string, suffix: string): Slug => Slug.make(`${label}-${suffix}`)

const cut = (text: string, length: number): string => text.slice(0, length).replace(/-+$/, "")
