import { dockerContract } from "../../support/dockerContract.ts"

dockerContract("socket")
