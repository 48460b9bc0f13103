/** Tells whether the address of a git repository is the repository that a run works on. */

/** A repository on a forge. */
export interface ForgePlace {
  /** The forge's web address: repositories are at `<webUrl>/<owner>/<repo>`. */
  readonly webUrl: string
  readonly owner: string
  readonly repo: string
}

const SHORT_SSH = /^([\w.-]+@)([\w.-]+):(?!\/)([\w./~-]+)$/

/** The address as a URL: `user@host:path` is short for `ssh://user@host/path`. */
export const longGitUrl = (url: string): string => url.replace(SHORT_SSH, "ssh://$1$2/$3")

/**
 * Whether `url` is an address of that repository at that forge: over http with the same host and port, below the forge's base path;
 * over ssh with the same host name. Names are compared case-insensitively, with or without `.git` at the end.
 */
export const isRepositoryOf = ({ webUrl, owner, repo }: ForgePlace, url: string): boolean => {
  const found = repositoryAt(webUrl, url)
  return found?.owner === owner.toLowerCase() && found.repo === repo.toLowerCase()
}

/** The repository of the forge that `url` is an address of, in lower case; none when it is somewhere else. */
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
