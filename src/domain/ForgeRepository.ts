/** Which addresses of git repositories are those of the repository that a run is about. */

/** A repository on a forge. */
export interface ForgePlace {
  /** Where the forge shows and serves its repositories: `<webUrl>/<owner>/<repo>`. */
  readonly webUrl: string
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
export const isRepositoryOf = ({ webUrl, owner, repo }: ForgePlace, url: string): boolean => {
  const found = repositoryAt(webUrl, url)
  return found?.owner === owner.toLowerCase() && found.repo === repo.toLowerCase()
}

/** Which repository of the forge `url` is an address of, in lower case; none, when it is at another place. */
export const repositoryAt = (
  webUrl: string,
  url: string,
): { readonly owner: string; readonly repo: string } | undefined => {
  const web = parsed(webUrl)
  const asked = parsed(longGitUrl(url))
  if (web === undefined || asked === undefined) return undefined
  const isSsh = asked.protocol === "ssh:"
  const isThere = isSsh
    ? asked.hostname.toLowerCase() === web.hostname
    : /^https?:$/.test(asked.protocol) && asked.host === web.host
  const folder = isSsh ? "" : plainPath(web)
  const path = plainPath(asked)
  if (!isThere || !path.startsWith(`${folder}/`)) return undefined
  const [, owner, repo] = /^\/([^/]+)\/([^/]+)$/.exec(path.slice(folder.length)) ?? []
  return owner === undefined || repo === undefined ? undefined : { owner, repo }
}

const parsed = (url: string): URL | undefined => (URL.canParse(url) ? new URL(url) : undefined)

const plainPath = ({ pathname }: URL): string =>
  pathname
    .toLowerCase()
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
