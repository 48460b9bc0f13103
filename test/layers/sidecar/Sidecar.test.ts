import { Layer } from "effect"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import * as SidecarInProcess from "../../../src/layers/sidecar/SidecarInProcess.ts"
import * as SidecarProcess from "../../../src/layers/sidecar/SidecarProcess.ts"
import * as FakeSidecar from "../../../src/testing/FakeSidecar.ts"
import { servingSidecarContract, sidecarContract } from "../../contracts/Sidecar.ts"
import { rpc } from "../../support/rpc.ts"

const process = Layer.provide(SidecarProcess.layer, NodeProcessRunner.layer)

sidecarContract("the fake", FakeSidecar.layer)
sidecarContract("this process", SidecarInProcess.layer)
servingSidecarContract("this process", SidecarInProcess.layer, rpc)
sidecarContract("processes", process)
servingSidecarContract("processes", process, rpc)
