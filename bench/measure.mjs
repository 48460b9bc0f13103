// How a measurement is made: ours and its floor take turns, so that what else the machine does meets both alike.

/** Milliseconds that `action` takes. */
export const timed = async (action) => {
  const start = performance.now()
  await action()
  return performance.now() - start
}

/**
 * Runs the contenders one after the other, `rounds` times after `warmups` that do not count; answers what each
 * one answered, by its name and in order.
 */
export const takeTurns = async (contenders, { rounds, warmups = 1, context }) => {
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let round = -warmups; round < rounds; round += 1) {
    for (const [name, measure] of Object.entries(contenders)) {
      context.stopIfAsked()
      const sample = await measure()
      if (round >= 0) samples[name].push(sample)
    }
    context.tell(round < 0 ? "." : "+")
  }
  return samples
}

/** The value below which a share `q` of the values lies, between neighbours in proportion. */
export const quantile = (values, q) => {
  const sorted = Float64Array.from(values).sort()
  const at = (sorted.length - 1) * q
  const below = Math.floor(at)
  const above = Math.ceil(at)
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below)
}

/** The middle value. */
export const median = (values) => quantile(values, 0.5)

/**
 * One line of the table. `floor` and `ours` hold a value for each turn, smaller is better; `ratio` is median over
 * median, and `spread` the quartiles of the ratios of single turns. `aim` is the largest ratio that is wanted.
 */
export const compare = ({ name, unit, floorName, floor, ours, aim }) => ({
  name,
  floorName,
  unit,
  floor: median(floor),
  ours: median(ours),
  ratio: median(ours) / median(floor),
  spread: spreadOf(ours.map((value, turn) => value / floor[turn])),
  turns: ours.length,
  aim: aim ?? null,
})

const spreadOf = (ratios) => [quantile(ratios, 0.25), quantile(ratios, 0.75)]
