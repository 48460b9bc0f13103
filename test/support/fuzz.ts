/** Broken input by the thousand: the same for the same seed, made by changing good input a little. */

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Makes one changed input after another. */
export type Mutator = () => Buffer

const INTERESTING = [0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2e, 0x2f, 0x3a, 0x40, 0x5b, 0x7b, 0x7f, 0x80, 0xff]
const CHANGES_MAX = 4

/** Changes `seeds` by what `words` has, by single bytes, and by parts of each other: one to four changes for each. */
export const mutator = (
  random: () => number,
  seeds: ReadonlyArray<string | Buffer>,
  words: ReadonlyArray<string | Buffer>,
): Mutator => {
  const below = (end: number) => Math.floor(random() * end)
  const pick = <A>(all: ReadonlyArray<A>): A => all[below(all.length)] as A
  const bytes = seeds.map((seed) => Buffer.from(seed as string, "latin1"))
  const inserts = words.map((word) => Buffer.from(word as string, "latin1"))
  const changes: ReadonlyArray<(from: Buffer, at: number) => Buffer> = [
    (from, at) => with8(from, at, (byte) => byte ^ (1 << below(8))),
    (from, at) => with8(from, at, () => pick(INTERESTING)),
    (from, at) => with8(from, at, () => below(256)),
    (from, at) => replaced(from, at, at, pick(inserts)),
    (from, at) => replaced(from, at, at + below(12), pick(inserts)),
    (from, at) => replaced(from, at, at + 1 + below(16), Buffer.alloc(0)),
    (from, at) => from.subarray(0, at),
    (from, at) => replaced(from, at, at, from.subarray(at, at + 1 + below(40))),
    (from, at) => Buffer.concat([from.subarray(0, at), pick(bytes).subarray(below(20))]),
    (from, at) => replaced(from, at, at, Buffer.alloc(1 + below(300), pick(INTERESTING))),
  ]
  return () => {
    let made: Buffer = pick(bytes)
    for (let left = 1 + below(CHANGES_MAX); left > 0; left--)
      made = pick(changes)(made, below(made.length + 1))
    return made
  }
}

const with8 = (from: Buffer, at: number, change: (byte: number) => number): Buffer => {
  const copy = Buffer.from(from)
  if (at < copy.length) copy[at] = change(copy[at] ?? 0)
  return copy
}

const replaced = (from: Buffer, start: number, end: number, by: Buffer): Buffer =>
  Buffer.concat([from.subarray(0, start), by, from.subarray(end)])
