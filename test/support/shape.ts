/** The shape of JSON values: what a double must share with the real thing. */

/** Each path in a JSON value with its type, each once; elements of a list share theirs. */
export const shapeOf = (value: unknown, path = "$"): ReadonlyArray<string> => {
  if (Array.isArray(value)) {
    return value.length === 0
      ? [`${path}[] none`]
      : [...new Set(value.flatMap((item) => shapeOf(item, `${path}[]`)))]
  }
  if (value === null || typeof value !== "object")
    return [`${path} ${value === null ? "null" : typeof value}`]
  return Object.entries(value).flatMap(([key, inner]) => shapeOf(inner, `${path}.${key}`))
}
