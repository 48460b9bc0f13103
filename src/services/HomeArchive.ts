/** HomeArchive writes everything of a home that may not be lost into one file, and restores it. */
import { Context, type Effect, Schema } from "effect"
import type { ArchiveFailed } from "../domain/Errors.ts"

/** An image that is in a back-up. */
export const SavedImage = Schema.Struct({
  backend: Schema.String,
  reference: Schema.String,
  /** Its file in the back-up. */
  file: Schema.String.pipe(Schema.pattern(/^\d+\.tar$/)),
})
/** An image that is in a back-up. */
export type SavedImage = typeof SavedImage.Type

/** What a back-up says about itself. */
export const ArchiveInfo = Schema.Struct({
  format: Schema.Literal("bot-bottle-backup/1"),
  /** Version of bot-bottle that made it. */
  version: Schema.String,
  /** Schema version of its database. */
  schema: Schema.Int,
  createdAt: Schema.String,
  /** Path of the home. */
  root: Schema.String,
  images: Schema.Array(SavedImage),
})
/** What a back-up says about itself. */
export type ArchiveInfo = typeof ArchiveInfo.Type

/** HomeArchive backs up and restores a home. */
export class HomeArchive extends Context.Tag("bot-bottle/HomeArchive")<
  HomeArchive,
  {
    /** Writes a back-up to a new file (0600), also while the home is in use. `images` saves images into a directory. */
    readonly pack: <E, R>(
      path: string,
      images: (directory: string) => Effect.Effect<ReadonlyArray<SavedImage>, E, R>,
    ) => Effect.Effect<ArchiveInfo, E | ArchiveFailed, R>
    /** Restores a back-up into a home that has nothing yet. `images` loads images from a directory. */
    readonly unpack: <E, R>(
      path: string,
      images: (directory: string, saved: ReadonlyArray<SavedImage>) => Effect.Effect<void, E, R>,
    ) => Effect.Effect<ArchiveInfo, E | ArchiveFailed, R>
  }
>() {}
