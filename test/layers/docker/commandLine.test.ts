import { dockerContract } from "../../support/dockerContract.ts"

dockerContract("command line")
