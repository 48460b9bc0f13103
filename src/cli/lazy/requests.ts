/** The minimal layers of `requests`, `approve`, `deny` and `answer`. */
import { Layer } from "effect"
import { userInfo } from "node:os"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as SidecarProcess from "../../layers/sidecar/SidecarProcess.ts"
import { live as status } from "./status.ts"

export { bottleNamed, resumeLine } from "../../programs/bottleNamed.ts"
export { decideRequest } from "../../programs/decideRequest.ts"
export { listRequests } from "../../programs/listRequests.ts"

/** The operator's name on this machine. */
export const operator = (): string => userInfo().username

/** The layers of `requests` and of decisions about them. */
export const live = Layer.merge(status, Layer.provide(SidecarProcess.layer, NodeProcessRunner.layer))
