// What was measured, as a table for people.

const COLUMNS = ["what", "floor", "of the floor", "ours", "ratio", "quartiles", "aim", ""]
const RIGHT = new Set([2, 3, 4, 5, 6])

/** The rows as an aligned table. */
export const table = (rows) => {
  const lines = [COLUMNS, ...rows.map(cells)]
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          RIGHT.has(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

const cells = ({ name, floorName, unit, floor, ours, ratio, spread: [low, high], aim }) => [
  name,
  floorName,
  amount(floor, unit),
  amount(ours, unit),
  ratio.toFixed(2),
  `${low.toFixed(2)}-${high.toFixed(2)}`,
  aim === null ? "-" : `<= ${aim}`,
  aim === null ? "" : ratio <= aim ? "met" : "MISSED",
]

const amount = (value, unit) =>
  `${value < 10 ? value.toFixed(2) : value.toFixed(value < 100 ? 1 : 0)} ${unit}`
