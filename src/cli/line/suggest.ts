/** Suggests what was meant by a misspelt word. */

/** The nearest of some names, if one is near: at most two letters differ, or it is the only one with that prefix. */
export const nearest = (typed: string, names: ReadonlyArray<string>): string | undefined => {
  const plain = typed.replace(/^-+/, "").toLowerCase()
  const found = names
    .map((name) => ({ name, away: distance(plain, name.replace(/^-+/, "").toLowerCase()) }))
    .filter(({ name, away }) => away <= Math.min(2, Math.floor(name.replace(/^-+/, "").length / 2)))
    .sort((a, b) => a.away - b.away)
  return found[0]?.name ?? beginningOf(plain, names)
}

const beginningOf = (plain: string, names: ReadonlyArray<string>): string | undefined => {
  const found = names.filter((name) => plain.length > 1 && name.replace(/^-+/, "").startsWith(plain))
  return found.length === 1 ? found[0] : undefined
}

/** Number of letters to insert, delete, change, or swap with their neighbour. */
const distance = (a: string, b: string): number => {
  const rows: Array<Array<number>> = [Array.from({ length: b.length + 1 }, (_, at) => at)]
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let i = 1; i <= a.length; i++) {
    rows.push([i])
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      rows[i]?.push(
        Math.min(
          cell(i - 1, j) + 1,
          cell(i, j - 1) + 1,
          cell(i - 1, j - 1) + same,
          swapped ? cell(i - 2, j - 2) + 1 : Infinity,
        ),
      )
    }
  }
  return cell(a.length, b.length)
}
