/** The minimal layers of `requests`, `approve`, `deny` and `answer`. */
import { userInfo } from "node:os"

export { live } from "./status.ts"
export { bottleNamed, resumeLine } from "../../programs/bottleNamed.ts"
export { decideRequest } from "../../programs/decideRequest.ts"
export { listRequests } from "../../programs/listRequests.ts"

/** The operator's name on this machine. */
export const operator = (): string => userInfo().username
