/** All endpoints of a simulated Gitea. */
import { accountRoutes } from "./accountRoutes.ts"
import { commentRoutes } from "./commentRoutes.ts"
import { hookRoutes } from "./hookRoutes.ts"
import { issueRoutes } from "./issueRoutes.ts"
import { keyRoutes } from "./keyRoutes.ts"
import { pullRoutes } from "./pullRoutes.ts"
import { repoRoutes } from "./repoRoutes.ts"
import { reviewRoutes } from "./reviewRoutes.ts"
import type { Route } from "./router.ts"
import { searchRoutes } from "./searchRoutes.ts"
import { statusRoutes } from "./statusRoutes.ts"

/** All endpoints. If two match, the first one is used. */
export const routes: ReadonlyArray<Route> = [
  ...searchRoutes,
  ...accountRoutes,
  ...repoRoutes,
  ...commentRoutes,
  ...issueRoutes,
  ...pullRoutes,
  ...reviewRoutes,
  ...statusRoutes,
  ...keyRoutes,
  ...hookRoutes,
]
