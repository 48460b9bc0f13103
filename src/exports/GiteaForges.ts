/** bot-bottle/GiteaForges: the Forges service over Gitea. */
export * from "../layers/gitea/GiteaForges.ts"
export * as GiteaForges from "../layers/gitea/GiteaForges.ts"
