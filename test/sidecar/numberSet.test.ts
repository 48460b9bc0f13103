/** A set of numbers within a bound. */
import { describe, expect, it } from "vitest"
import { numberSet } from "../../src/sidecar/record/numberSet.ts"

describe("a set of numbers", () => {
  it("knows what is in it, each once, over the borders of its pages", () => {
    const set = numberSet()
    const numbers = [0, 1, 7, 8, 4095, 4096, 2 ** 32, 2 ** 32 + 4095, Number.MAX_SAFE_INTEGER]
    for (const number of numbers) expect([number, set.add(number)]).toEqual([number, true])
    expect([2, 9, 4097, 2 ** 33].map(set.remove)).toEqual([false, false, false, false])
    expect(numbers.map(set.remove)).toEqual(numbers.map(() => true))
    expect(numbers.map(set.remove)).toEqual(numbers.map(() => false))
  })

  it("takes no other numbers, and no more pages than its bound", () => {
    const set = numberSet()
    expect([-1, 0.5, Number.NaN, 2 ** 53].map(set.add)).toEqual([false, false, false, false])
    let taken = 0
    while (set.add(taken * 5000)) taken += 1
    expect(taken).toBe(16_384)
    expect(set.remove(5000)).toBe(true)
    expect(set.add(5000 * 20_000)).toBe(true)
  })
})
