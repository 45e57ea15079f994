/**
 * What is used of `commander`: the command line.
 * @module
 */
export { Argument, Command, CommanderError, type Help, Option } from "npm:commander@15.1.0";
