/** Programs and layers of the provenance commands, loaded when one of them runs. */
import { Layer } from "effect"
import * as OperationLogs from "../../layers/sidecar/OperationLogs.ts"
import * as Signatures from "../../layers/signing/Signatures.ts"

export { live } from "./live.ts"
export { signStatements } from "../../programs/attest.ts"
export { bottleNamed } from "../../programs/bottleNamed.ts"
export { exportProvenance } from "../../programs/exportProvenance.ts"
export { provenanceOf, verifyExport, verifyProvenance } from "../../programs/verifyProvenance.ts"
export { Signatures } from "../../services/Signatures.ts"

/** What a verification without a home needs. It opens no database and makes no key. */
export const offline = Layer.merge(OperationLogs.layer, Signatures.layer)
