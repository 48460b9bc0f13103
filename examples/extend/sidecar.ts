/** The bin of our sidecars. `SidecarProcess.layerWith({ bin })` starts it, with the document of one bottle on stdin. */
import * as SidecarMain from "bot-bottle/SidecarMain"
import { calls, forges } from "./parts.ts"

SidecarMain.run({ calls, forges })
