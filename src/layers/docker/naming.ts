/** Names and labels of engine objects, from which we know for certain which ones are ours. */
import type { Slug } from "../../domain/Slug.ts"

/** Labels of containers and images. Other images and containers inherit an image's labels, so no label proves anything alone. */
export const LABEL = {
  installation: "bot-bottle.installation",
  slug: "bot-bottle.slug",
  /** The container's own name: a container that only inherited our labels has another name. */
  name: "bot-bottle.name",
  run: "bot-bottle.run",
  /** The image's own reference: an image built from ours has another one. */
  artifact: "bot-bottle.artifact",
  /** The folder that an image was built from. */
  build: "bot-bottle.build",
} as const

/** Names of one installation's objects. */
export interface Naming {
  readonly installation: string
  readonly container: (slug: Slug) => string
  /** A helper container that only exists while an artifact is flattened. */
  readonly flat: (slug: Slug) => string
  /** The slug is in the tag, because a repository name may not end in `-`. */
  readonly artifact: (slug: Slug, run: number) => string
  readonly artifactDraft: (slug: Slug) => string
  /** The repository of all artifacts. */
  readonly artifacts: string
  /** The repository of all images that were built from manifests. */
  readonly builds: string
  readonly isArtifact: (slug: Slug, reference: string) => boolean
  readonly containerLabels: (slug: Slug, run: number) => Readonly<Record<string, string>>
}

/** The names of an installation. No two installations share one. */
export const naming = (installation: string, imagePrefix = ""): Naming => {
  const short = installation.slice(0, 8)
  const container = (slug: Slug) => `bot-bottle-${short}-${slug}`
  const artifacts = `${imagePrefix}bot-bottle/${short}`
  const tag = (slug: Slug) => `${artifacts}:${slug}.`
  return {
    installation,
    container,
    artifacts,
    builds: `${artifacts}-build`,
    flat: (slug) => `${container(slug)}.flat`,
    artifact: (slug, run) => `${tag(slug)}run-${run}`,
    artifactDraft: (slug) => `${tag(slug)}draft`,
    isArtifact: (slug, reference) => reference.startsWith(tag(slug)),
    containerLabels: (slug, run) => ({
      [LABEL.installation]: installation,
      [LABEL.slug]: slug,
      [LABEL.name]: container(slug),
      [LABEL.run]: String(run),
    }),
  }
}
