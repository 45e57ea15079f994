/**
 * What is told of a build by default, for provenance of builds that were never done.
 * @module
 */
import type { BuildParameters } from "../../src/trust/provenance.ts";

/** Of the program `example.com/app` on the base that is built in. */
export const BUILD_PARAMETERS: BuildParameters = {
  directory: ".",
  package: "example.com/app",
  platforms: ["linux/amd64"],
  base: "static",
  flags: [],
  ldflags: [],
  gcflags: [],
  asmflags: [],
  trimpath: true,
  disableOptimizations: false,
  env: [],
  labels: {},
  annotations: {},
  imageEnv: {},
  entrypointArgs: [],
  expose: [],
  linuxCapabilities: [],
  compression: "gzip:2",
};
