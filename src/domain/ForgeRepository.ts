/** Which addresses of git repositories are those of the repository that a run is about. */

/** A repository on a forge. */
export interface ForgePlace {
  /** Base URL of the API, `/api/v1` included. */
  readonly apiUrl: string
  readonly owner: string
  readonly repo: string
}

const SHORT_SSH = /^([\w.-]+@)([\w.-]+):(?!\/)([\w./~-]+)$/

/** The address as a URL: `user@host:path` is what ssh calls `ssh://user@host/path`. */
export const longGitUrl = (url: string): string => url.replace(SHORT_SSH, "ssh://$1$2/$3")

/**
 * Whether `url` is an address of that repository at that forge: over http at the same host and port, below where the
 * forge is served; over ssh at a host of the same name. Names compare without case, and `.git` at the end may be there.
 */
export const isRepositoryOf = ({ apiUrl, owner, repo }: ForgePlace, url: string): boolean => {
  const web = parsed(apiUrl.replace(/\/api\/v1\/?$/, ""))
  const asked = parsed(longGitUrl(url))
  if (web === undefined || asked === undefined) return false
  const name = `/${owner}/${repo}`.toLowerCase()
  const path = plainPath(asked)
  switch (asked.protocol) {
    case "http:":
    case "https:":
      return asked.host === web.host && path === `${plainPath(web)}${name}`
    case "ssh:":
      return asked.hostname.toLowerCase() === web.hostname && path === name
    default:
      return false
  }
}

const parsed = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined)

const plainPath = ({ pathname }: URL): string =>
  pathname
    .toLowerCase()
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
