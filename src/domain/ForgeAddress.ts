/** Normalises the address of a forge, so that two spellings of it count as the same forge. */
import { Option } from "effect"

/**
 * The base URL of a forge's API, normalised: scheme and host in lower case, no default port, no trailing slash, path unchanged. None
 * when it is not an http or https URL, or has a user, a password, a query or a fragment.
 */
export const forgeAddress = (apiUrl: string): Option.Option<string> => {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : undefined
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) return Option.none()
  // A lone "?", "#" or "@" leaves no trace in the parsed URL.
  if (url.username !== "" || url.password !== "" || /[?#@]/.test(apiUrl)) return Option.none()
  return Option.some(`${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`)
}
