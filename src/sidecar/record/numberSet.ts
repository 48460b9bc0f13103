/** A set of mostly consecutive numbers in about one bit each, with a limit: a hostile log chooses them. */

/** A set of integers from 0. */
export interface NumberSet {
  /** False when it is not such a number, or there is no room for it. */
  readonly add: (value: number) => boolean
  /** Whether it was in the set. */
  readonly remove: (value: number) => boolean
}

const PAGE = 4096

/** Pages of 512 bytes: enough for 60 million consecutive numbers, or for as many scattered ones as there are pages. */
const PAGES_MAX = 16_384

/** Makes an empty set. */
export const numberSet = (): NumberSet => {
  const pages = new Map<number, { readonly bits: Uint8Array; count: number }>()
  const placeOf = (value: number) => ({
    page: Math.floor(value / PAGE),
    byte: (value % PAGE) >> 3,
    mask: 1 << (value & 7),
  })
  return {
    add: (value) => {
      if (!Number.isSafeInteger(value) || value < 0) return false
      const { page, byte, mask } = placeOf(value)
      const found = pages.get(page)
      if (found === undefined && pages.size >= PAGES_MAX) return false
      const { bits } = found ?? { bits: new Uint8Array(PAGE / 8) }
      const before = bits[byte] ?? 0
      const count = (found?.count ?? 0) + ((before & mask) === 0 ? 1 : 0)
      bits[byte] = before | mask
      pages.set(page, { bits, count })
      return true
    },
    remove: (value) => {
      if (!Number.isSafeInteger(value) || value < 0) return false
      const { page, byte, mask } = placeOf(value)
      const found = pages.get(page)
      const before = found?.bits[byte] ?? 0
      if (found === undefined || (before & mask) === 0) return false
      found.bits[byte] = before & ~mask
      found.count -= 1
      if (found.count === 0) pages.delete(page)
      return true
    },
  }
}
