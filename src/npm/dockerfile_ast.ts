/**
 * What is used of `dockerfile-ast`: Dockerfiles, for `init`.
 * @module
 */
export { DockerfileParser, type ModifiableInstruction } from "npm:dockerfile-ast@0.7.1";
