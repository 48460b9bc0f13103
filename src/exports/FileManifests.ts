/** bot-bottle/FileManifests: manifests from the home and the working directory. */
export * from "../layers/manifests/FileManifests.ts"
export * as FileManifests from "../layers/manifests/FileManifests.ts"
