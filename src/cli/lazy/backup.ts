/** Programs and layers of `backup` and `restore`, loaded when one of them runs. */
import { Layer } from "effect"
import * as HomeArchive from "../../layers/home/HomeArchive.ts"
import { lookups } from "../../layers/live.ts"
import * as SqliteBottleStore from "../../layers/sqlite/SqliteBottleStore.ts"

export { backup, restore } from "../../programs/backup.ts"

/** Restores: opens no database, because there is none yet. */
export const emptyHome = HomeArchive.layer.pipe(Layer.provideMerge(lookups))

/** Backs up. */
export const usedHome = Layer.merge(emptyHome, SqliteBottleStore.layer())
