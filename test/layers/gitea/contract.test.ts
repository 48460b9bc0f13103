import { Effect } from "effect"
import { WriteScope } from "../../../src/domain/Forge.ts"
import { scoped } from "../../../src/services/Forge.ts"
import { forgeContract } from "../../contracts/Forge.ts"
import { forgeDetailsContract } from "../../contracts/ForgeDetails.ts"
import { simulated } from "../../support/gitea.ts"

forgeContract("GiteaForge", simulated())
forgeDetailsContract("GiteaForge", simulated())
forgeContract(
  "scoped over GiteaForge",
  Effect.map(simulated(), (it) => ({
    ...it,
    forge: scoped(it.forge, new WriteScope({ issue: 17, prs: [18] })),
  })),
  { keys: false },
)
