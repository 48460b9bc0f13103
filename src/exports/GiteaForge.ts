/** bot-bottle/GiteaForge: the Forge service over Gitea. */
export * from "../layers/gitea/GiteaForge.ts"
export * as GiteaForge from "../layers/gitea/GiteaForge.ts"
