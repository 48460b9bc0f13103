/** ObjectStores over the stores of a home. */
import { Effect, Layer } from "effect"
import { ObjectStores } from "../../services/ObjectStores.ts"
import { removeStore, unusedStores } from "../../sidecar/git/store.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { fileFailed } from "./fileFailed.ts"

const make = ({ gitStores, states }: HomeShape): typeof ObjectStores.Service => {
  const places = { gitStores, states }
  return {
    unusedStores: Effect.suspend(() =>
      fileFailed("*", "looking for stores of objects")(unusedStores(places)),
    ),
    removeStore: Effect.fn("ObjectStores.removeStore")((name: string) =>
      fileFailed("*", "removing a store of objects")(removeStore(places, name)),
    ),
  }
}

/** The stores of upstream objects of a home. */
export const layer: Layer.Layer<ObjectStores> = Layer.effect(ObjectStores, Effect.map(Home, make))
