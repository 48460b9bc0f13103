/** Tells an agent the addresses of its routes: one variable for each. */

/** `BOT_BOTTLE_ROUTE_<NAME>` (upper case, `-` and `.` as `_`) for each route: its base URL at the neck, without a trailing slash. */
export const routeVariables = (
  neck: string,
  names: ReadonlyArray<string>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    names.map((name) => [
      `BOT_BOTTLE_ROUTE_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`,
      `${neck}/route/${name}`,
    ]),
  )
