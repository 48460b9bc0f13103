/** Attempts: how often somebody may try to sign in without success, by address and in all. */
import { isIPv6 } from "node:net"

/** Failures that one address may have in a window, and all addresses together. */
export const ATTEMPTS_MAX = { address: 10, all: 100 }
/** Length of a window, in milliseconds. */
export const WINDOW_MS = 60_000

/** Counts attempts. One that succeeded is given back. */
export interface Attempts {
  /** Takes an attempt. Returns how long to wait, in seconds, when there are none left; 0 when it may be made. */
  readonly take: (address: string, now: number) => number
  /** Gives back an attempt that succeeded. */
  readonly giveBack: (address: string) => void
}

/** Fresh counts. An attempt is counted when it begins: many at a time pass no more than one after the other. */
export const makeAttempts = (): Attempts => {
  let begunAt = -Infinity
  let all = 0
  const counts = new Map<string, number>()
  return {
    take: (address, now) => {
      // A clock that was set back begins a window too.
      if (now - begunAt >= WINDOW_MS || now < begunAt) {
        begunAt = now
        all = 0
        counts.clear()
      }
      const place = placeOf(address)
      const count = counts.get(place) ?? 0
      if (count >= ATTEMPTS_MAX.address || all >= ATTEMPTS_MAX.all)
        return Math.max(1, Math.ceil((begunAt + WINDOW_MS - now) / 1000))
      counts.set(place, count + 1)
      all += 1
      return 0
    },
    giveBack: (address) => {
      const place = placeOf(address)
      const count = counts.get(place) ?? 0
      if (count === 0) return
      counts.set(place, count - 1)
      all -= 1
    },
  }
}

/** Whoever has an IPv6 address has a whole network of them: its first 64 bits count. */
const placeOf = (address: string): string => {
  if (!isIPv6(address) || address.includes(".")) return address
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? []
  const groups = (text: string | undefined) => (text === undefined || text === "" ? [] : text.split(":"))
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length
  return [...groups(head), ...Array.from({ length: zeros }, () => "0"), ...groups(tail)].slice(0, 4).join(":")
}
