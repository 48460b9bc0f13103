/** bot-bottle/SidecarMain: the program of a sidecar process, for a bin with your own calls and kinds of forge. */
export type { SidecarMainOptions } from "../sidecar/main.ts"
export { gitea, main, mainWith, run } from "../sidecar/main.ts"
export type { SidecarOptions } from "../sidecar/serve.ts"
export type { SidecarTimes } from "../sidecar/SidecarSettings.ts"
export * as SidecarMain from "../sidecar/main.ts"
